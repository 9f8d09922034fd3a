"""Where Flink comes from: its jars out of a package of PyPI, our job compiled against them, both kept in a folder."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .process import BenchError
from .tools import run

VERSION = "1.20.5"
# A source archive that is little more than the jars of the distribution.
PACKAGE = f"apache-flink-libraries=={VERSION}"
WANTED = ("deps/lib/", "deps/plugins/metrics-slf4j/")
JOB_SOURCES = Path(__file__).resolve().parents[1] / "streams" / "flink"


@dataclass(frozen=True)
class Home:
    """An unpacked distribution and the job that is measured."""

    lib: Path
    plugins: Path
    job: Path


def home(tools: Path) -> Home:
    """The distribution in `tools`, installed when it is not there; the job is compiled anew."""
    for program in ("java", "javac"):
        if not shutil.which(program):
            raise BenchError(f"Flink needs {program}: apt-get install openjdk-17-jdk-headless")
    folder = tools / f"flink-{VERSION}"
    if not (folder / "lib" / f"flink-dist-{VERSION}.jar").exists():
        _install(folder)
    return Home(folder / "lib", folder / "plugins", _compile(folder))


def _install(folder: Path) -> None:
    """Downloads with pip and keeps only what is run; a half-done folder is never left in place."""
    download = folder.with_name(f"{folder.name}.download")
    shutil.rmtree(download, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    download.mkdir(parents=True)
    run("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", download, PACKAGE)
    archives = list(download.glob("*.tar.gz"))
    if len(archives) != 1:
        raise BenchError(f"pip left {len(archives)} archives of {PACKAGE} in {download}, not one")
    unpacked = download / "unpacked"
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            inside = member.name.partition("/")[2]
            if member.isfile() and inside.startswith(WANTED):
                member.name = inside.removeprefix("deps/")
                archive.extract(member, unpacked, filter="data")
    unpacked.rename(folder)
    shutil.rmtree(download)


def _compile(folder: Path) -> Path:
    classes, jar = folder / "classes", folder / "job.jar"
    shutil.rmtree(classes, ignore_errors=True)
    classes.mkdir()
    sources = sorted(JOB_SOURCES.glob("*.java"))
    run("javac", "-nowarn", "-proc:none", "-cp", f"{folder / 'lib'}/*", "-d", classes, *sources)
    with zipfile.ZipFile(jar, "w") as archive:
        for path in sorted(classes.rglob("*.class")):
            archive.write(path, path.relative_to(classes))
    return jar
