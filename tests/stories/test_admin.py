"""Registration and the lists of the admin API."""

from bed.process import free_port


def test_the_same_deployment_registers_once(bed):
    uri = {"uri": f"http://127.0.0.1:{bed.service.port}"}
    again = bed.server.admin.post("/deployments", uri)
    assert again.status == 200
    known = bed.server.admin.get("/deployments").ok()["deployments"]
    assert [deployment["id"] for deployment in known] == [again.json()["id"]]
    assert known[0]["uri"].rstrip("/") == uri["uri"]


def test_services_are_listed_with_their_handlers(bed):
    services = {s["name"]: s for s in bed.server.admin.get("/services").ok()["services"]}
    assert {name: services[name]["ty"] for name in ("Greeter", "Counter", "Stories", "Flow")} == {
        "Greeter": "Service",
        "Counter": "VirtualObject",
        "Stories": "Service",
        "Flow": "Workflow",
    }
    handlers = {h["name"]: h.get("ty") for h in services["Counter"]["handlers"]}
    exclusive = dict.fromkeys(("add", "tour", "wipe", "hold"), "Exclusive")
    assert handlers == exclusive | {"get": "Shared", "keys": "Shared"}


def test_a_service_that_does_not_answer_is_not_registered(bed):
    dead = {"uri": f"http://127.0.0.1:{free_port()}"}
    reply = bed.server.admin.post("/deployments", dead, timeout_s=60)
    assert reply.status >= 400
    assert reply.json()["message"]


def test_the_version_answers(bed):
    version = bed.server.admin.get("/version").ok()
    assert version["min_admin_api_version"] <= 4 <= version["max_admin_api_version"]
