"""Calls of every kind, made once; the rows of the trace contract are then read off their spans.

Each scene is a method that returns the invocations it made, by name: `scenes["flaky"]` is what is told of one.
"""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from bed import metrics
from bed.bed import Bed
from bed.otlp import Collector
from bed.process import wait_until
from bed.told import Told

SETTINGS = {
    "WORKER__INVOKER__INACTIVITY_TIMEOUT": "1s",
    "DEFAULT_RETRY_POLICY__MAX_ATTEMPTS": "4",
    "DEFAULT_RETRY_POLICY__ON_MAX_ATTEMPTS": "pause",
}
LONG_MS = 600_000
SETTLED_S = 0.7
USER_AGENT = "everspan-stories/1.0 (rows)"
TRACE_STATE = "vendor=1,other=2"


class Scenes:
    def __init__(self, collector: Collector, bed: Bed):
        self.collector = collector
        self.bed = bed
        self.invocations = {}
        self.notes = {}

    def __getitem__(self, name: str) -> Told:
        return self.told(self.invocations[name])

    def told(self, id: str) -> Told:
        return Told(self.collector, id)

    def play(self):
        """All scenes, those that can at the same time; then those in which the server stops."""
        together = [getattr(self, name) for name in dir(self) if name.startswith("scene_")]
        with ThreadPoolExecutor(len(together)) as pool:
            for invocations in pool.map(lambda scene: scene(), together):
                self.invocations |= invocations
        self._the_server_dies()
        self._the_server_stops()
        self._settle()
        return self

    # Requests

    def scene_greeting(self) -> dict:
        """A call with all that a client can send along."""
        trace, span = secrets.token_hex(16), secrets.token_hex(8)
        headers = {"traceparent": f"00-{trace}-{span}-01", "tracestate": TRACE_STATE, "user_agent": USER_AGENT}
        before_ns = time.time_ns()
        reply = self.bed.call("Greeter/greet", "Ada", **headers)
        self.notes["user-agent"] = USER_AGENT
        self.notes["greeting"] = {"trace": trace, "span": span, "before_ns": before_ns, "after_ns": time.time_ns()}
        return {"greeting": reply.invocation_id}

    def scene_root(self) -> dict:
        return {"root": self.bed.call("Greeter/greet", "Ada").invocation_id}

    def scene_headers(self) -> dict:
        """The handler tells which headers reached it."""
        reply = self.bed.call("Greeter/headers")
        self.notes["headers"] = reply.ok()
        return {"headers": reply.invocation_id}

    def scene_keyed(self) -> dict:
        key = self.notes["key"] = f"key of {self.bed.unique()}"
        return {"keyed": self.bed.call(f"Counter/{key.replace(' ', '%20')}/add", 1).invocation_id}

    def scene_workflow(self) -> dict:
        """A workflow run, its promise, and the same run once more."""
        key = self.bed.unique()
        run = self.bed.send(f"Flow/{key}/run", "work")["invocationId"]
        finish = self.bed.call(f"Flow/{key}/finish", "done").invocation_id
        assert self.bed.attach(run).ok() == "work:done"
        trace = self.notes["workflow-repeat"] = secrets.token_hex(16)
        self.bed.call(f"Flow/{key}/run", "again", traceparent=f"00-{trace}-{secrets.token_hex(8)}-01")
        return {"workflow": run, "promise": finish}

    def scene_repeat(self) -> dict:
        """A call, and the same once more under the same idempotency key, in traces of their own."""
        key = self.bed.unique()
        traces = self.notes["repeat"] = [secrets.token_hex(16) for _ in range(2)]
        for trace in traces:
            context = f"00-{trace}-{secrets.token_hex(8)}-01"
            reply = self.bed.call("Greeter/greet", "Ada", idempotency_key=key, traceparent=context)
        return {"repeated": reply.invocation_id}

    def scene_delayed(self) -> dict:
        return {"delayed": self._ended(self.bed.send("Greeter/greet", "Ada", "?delay=700ms")["invocationId"])}

    def scene_sent(self) -> dict:
        return {"sent": self._ended(self.bed.send("Greeter/greet", "Ada")["invocationId"])}

    # Handlers

    def scene_runs(self) -> dict:
        return {"runs": self.bed.call("Stories/runs", self.bed.ask(n=2)).invocation_id}

    def scene_many_runs(self) -> dict:
        return {"many-runs": self.bed.call("Stories/runs", self.bed.ask(n=100)).invocation_id}

    def scene_failed_run(self) -> dict:
        """A run that never succeeds, and gives up."""
        return {"failed-run": self.bed.call("Stories/flakyRun", self.bed.ask(failures=99, attempts=2)).invocation_id}

    def scene_flaky(self) -> dict:
        return {"flaky": self.bed.call("Stories/flaky", self.bed.ask(failures=2)).invocation_id}

    def scene_terminal(self) -> dict:
        return {"terminal": self.bed.call("Stories/terminal", self.bed.ask(message="short and stout", code=418)).invocation_id}

    def scene_sleep(self) -> dict:
        return {"sleep": self.bed.call("Stories/sleep", self.bed.ask(ms=2500)).invocation_id}

    def scene_call(self) -> dict:
        key = self.notes["called-key"] = self.bed.unique()
        return {"call": self.bed.call("Stories/call", self.bed.ask(key=key, n=1)).invocation_id}

    def scene_send(self) -> dict:
        """A one-way call of a handler; the result names what was sent."""
        reply = self.bed.call("Stories/send", self.bed.ask(key=self.bed.unique(), n=1))
        return {"send": reply.invocation_id, "send-target": self._ended(reply.ok())}

    def scene_send_delayed(self) -> dict:
        reply = self.bed.call("Stories/sendDelayed", self.bed.ask(key=self.bed.unique(), n=1, ms=300))
        return {"send-delayed": reply.invocation_id, "send-delayed-target": self._ended(reply.ok())}

    def scene_state(self) -> dict:
        key = self.bed.unique()
        names = ("tour", "keys", "get", "wipe")
        return {name: self.bed.call(f"Counter/{key}/{name}").invocation_id for name in names}

    def scene_awakeable(self) -> dict:
        """An awakeable that a handler resolves, after the one that waits has suspended."""
        ask = self.bed.ask()
        waits = self.bed.start("awakeable", ask)
        awakeable = self.notes["awakeable-id"] = self.bed.world.wait_told(ask["id"])
        self._wait_status(waits, "suspended")
        resolve = self.bed.call("Stories/resolve", self.bed.ask(target=awakeable, value="out")).invocation_id
        return {"awakeable": self._ended(waits), "resolve": resolve}

    def scene_signal(self) -> dict:
        ask = self.bed.ask()
        waits = self.bed.start("awaitSignal", ask)
        target = self.bed.world.wait_told(ask["id"])
        self._wait_status(waits, "suspended")
        sends = self.bed.call("Stories/sendSignal", self.bed.ask(target=target, value="go")).invocation_id
        return {"signal": self._ended(waits), "send-signal": sends}

    def scene_attach(self) -> dict:
        target = self.bed.send("Greeter/greet", "Ada", idempotency_key=self.bed.unique())["invocationId"]
        return {"attach": self.bed.call("Stories/attach", self.bed.ask(target=target)).invocation_id}

    # Ends

    def scene_paused(self) -> dict:
        paused = self.bed.start("flaky", self.bed.ask(failures=99))
        self._wait_status(paused, "paused")
        return {"paused": paused}

    def scene_killed(self) -> dict:
        """Killed in the middle of an attempt."""
        return {"killed": self._ended(self._end("kill", self._holding()))}

    def scene_killed_while_suspended(self) -> dict:
        holding = self._holding()
        self._wait_status(holding, "suspended")
        return {"killed-suspended": self._ended(self._end("kill", holding))}

    def scene_cancelled(self) -> dict:
        """Cancelled in the middle of an attempt: its handler gets a terminal error."""
        return {"cancelled": self._ended(self._end("cancel", self._holding()))}

    def scene_cancelled_while_suspended(self) -> dict:
        holding = self._holding()
        self._wait_status(holding, "suspended")
        return {"cancelled-suspended": self._ended(self._end("cancel", holding))}

    def scene_cancelled_by_a_handler(self) -> dict:
        holding = self._holding()
        canceller = self.bed.call("Stories/cancel", self.bed.ask(target=holding)).invocation_id
        return {"canceller": canceller, "cancelled-by-handler": self._ended(holding)}

    def scene_cancelled_before_start(self) -> dict:
        """One that is due later, and one that waits for an object's lock."""
        scheduled = self.bed.send("Greeter/greet", "Ada", "?delay=10m")["invocationId"]
        key = self.bed.unique()
        holder = self._holding(key)
        queued = self.bed.send(f"Counter/{key}/add", 1)["invocationId"]
        for waiting in (scheduled, queued):
            self._end("cancel", waiting)
        for each in (scheduled, queued, self._end("kill", holder)):
            self._ended(each)
        return {"cancelled-scheduled": scheduled, "cancelled-queued": queued}

    def scene_queued(self) -> dict:
        """Waits for an object's lock before it begins."""
        key = self.bed.unique()
        ask = self.bed.ask(ms=300)
        holder = self.bed.send(f"Counter/{key}/hold", ask)["invocationId"]
        self.bed.world.wait_hit(ask["id"])
        queued = self.bed.call(f"Counter/{key}/add", 1).invocation_id
        self._ended(holder)
        return {"queued": queued}

    # The end of the server

    def _the_server_dies(self):
        """One attempt is under way, one invocation is suspended."""
        trace = self.notes["crashed-trace"] = secrets.token_hex(16)
        attempt, id = self._in_a_run(traceparent=f"00-{trace}-{secrets.token_hex(8)}-01", tracestate="a=1")
        suspended = self._holding(ms=3000)
        self._wait_status(suspended, "suspended")
        self.bed.server.kill_and_restart()
        self.bed.world.let_go(id)
        self.invocations["crashed"] = self._ended(attempt)
        self.invocations["suspended-through-a-crash"] = self._ended(suspended)

    def _the_server_stops(self):
        attempt, id = self._in_a_run()
        self.bed.server.terminate_and_restart()
        self.bed.world.let_go(id)
        self.invocations["stopped"] = self._ended(attempt)

    def _in_a_run(self, **headers) -> tuple:
        """An invocation in the middle of an attempt, and what to let go so that it can end."""
        ask = self.bed.ask(n=1)
        self.bed.world.hold_back(ask["id"])
        attempt = self.bed.send("Stories/runs", ask, **headers)["invocationId"]
        self.bed.world.wait_hit(ask["id"])
        return attempt, ask["id"]

    def _holding(self, key: str | None = None, ms: int = LONG_MS) -> str:
        """An invocation that holds an object's lock, and sleeps."""
        ask = self.bed.ask(ms=ms)
        holding = self.bed.send(f"Counter/{key or self.bed.unique()}/hold", ask)["invocationId"]
        self.bed.world.wait_hit(ask["id"])
        return holding

    def _end(self, verb: str, id: str) -> str:
        reply = self.bed.server.admin.patch(f"/invocations/{id}/{verb}")
        assert reply.status in (200, 202), f"{verb} {id}: {reply}"
        return id

    def _ended(self, id: str) -> str:
        self.collector.wait_for(id, "invocation-end")
        return id

    def _wait_status(self, id: str, status: str):
        def now():
            return self.bed.server.admin.get(f"/invocations/{id}").ok()["status"]

        wait_until(lambda: now() == status, 20, f"{id} is {status}")

    def _settle(self):
        """All that was sent has come through the agent."""
        metrics.wait_drained(self.bed.server)
        self._ended(self.bed.call("Greeter/greet", "the last").invocation_id)
        seen = -1
        while seen != (now := len(self.collector.all())):
            seen = now
            time.sleep(SETTLED_S)
