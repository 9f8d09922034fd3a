// `Stories`: one handler for each thing an SDK can ask of the server.
import * as restate from "@restatedev/restate-sdk";
import { hit, tell } from "./world.mjs";

const Counter = { name: "Counter" };
const Greeter = { name: "Greeter" };
const Stories = { name: "Stories" };

export const stories = restate.service({
  name: "Stories",
  handlers: {
    // `n` runs; each counts itself outside and stores the count it was given.
    runs: async (ctx, ask) => {
      const counts = [];
      for (let step = 0; step < ask.n; step++) {
        counts.push(await ctx.run(`step-${step}`, () => hit(ask, step)));
      }
      return counts;
    },

    // `n` rounds of: count outside, sleep `ms`, add 1 to the counter `key`.
    journey: async (ctx, ask) => {
      const counts = [];
      for (let step = 0; step < ask.n; step++) {
        counts.push(await ctx.run(() => hit(ask, step)));
        await ctx.sleep(ask.ms);
        await ctx.objectClient(Counter, ask.key).add(1);
      }
      return counts;
    },

    sleep: async (ctx, ask) => {
      await ctx.sleep(ask.ms);
      return ask.ms;
    },

    call: async (ctx, ask) => ctx.objectClient(Counter, ask.key).add(ask.n),

    // Sends and returns the invocation id of what was sent.
    send: async (ctx, ask) => ctx.objectSendClient(Counter, ask.key).add(ask.n).invocationId,

    sendDelayed: async (ctx, ask) => {
      const delay = restate.rpc.sendOpts({ delay: ask.ms });
      return ctx.objectSendClient(Counter, ask.key).add(ask.n, delay).invocationId;
    },

    fanout: async (ctx, ask) =>
      restate.RestatePromise.all(ask.keys.map((key) => ctx.objectClient(Counter, key).add(ask.n))),

    // Hands an awakeable's id outside and waits for its value.
    awakeable: async (ctx, ask) => {
      const { id, promise } = ctx.awakeable();
      await ctx.run("tell", () => tell(ask, id));
      return promise;
    },

    // Like `awakeable`, and a rejection becomes the result `rejected: <reason>`.
    awakeableCaught: async (ctx, ask) => {
      const { id, promise } = ctx.awakeable();
      await ctx.run("tell", () => tell(ask, id));
      try {
        return await promise;
      } catch (error) {
        if (error instanceof restate.TerminalError) return `rejected: ${error.message}`;
        throw error;
      }
    },

    // Resolves the awakeable `target` from inside a handler.
    resolve: async (ctx, ask) => {
      ctx.resolveAwakeable(ask.target, ask.value);
    },

    // Waits for the signal `go`, after handing its own invocation id outside.
    awaitSignal: async (ctx, ask) => {
      const ownId = ctx.request().id;
      await ctx.run("tell", () => tell(ask, ownId));
      return ctx.signal("go");
    },

    sendSignal: async (ctx, ask) => {
      ctx.invocation(ask.target).signal("go").resolve(ask.value);
    },

    // What `Greeter/headers` says when it is called by a handler.
    relay: async (ctx) => ctx.serviceClient(Greeter).headers(),

    // A sleep of `ms` against an awakeable that nobody resolves.
    race: async (ctx, ask) => {
      const never = ctx.awakeable().promise;
      const slept = ctx.sleep(ask.ms).map(() => "timeout");
      return restate.RestatePromise.race([never, slept]);
    },

    // Fails as a whole, retryably, the first `failures` times; then returns the count.
    flaky: async (ctx, ask) => countOrFail(ask),

    // One run that fails the first `failures` times, with at most `attempts` tries.
    flakyRun: async (ctx, ask) =>
      ctx.run("flaky", () => countOrFail(ask), {
        initialRetryInterval: 20,
        retryIntervalFactor: 1,
        maxRetryAttempts: ask.attempts,
      }),

    terminal: async (ctx, ask) => {
      throw new restate.TerminalError(ask.message, { errorCode: ask.code });
    },

    // Calls `terminal` and returns what it caught, as `<code> <message>`.
    catchTerminal: async (ctx, ask) => {
      try {
        await ctx.serviceClient(Stories).terminal(ask);
        return "nothing";
      } catch (error) {
        if (error instanceof restate.TerminalError) return `${error.code} ${error.message}`;
        throw error;
      }
    },

    // Calls `Counter/key/hold`, which keeps the lock for `ms`.
    blockOn: async (ctx, ask) => ctx.objectClient(Counter, ask.key).hold(ask),

    // The result of the invocation `target`, a text.
    attach: async (ctx, ask) => ctx.attach(restate.InvocationIdParser.fromString(ask.target)),

    cancel: async (ctx, ask) => {
      ctx.cancel(restate.InvocationIdParser.fromString(ask.target));
    },
  },
});

async function countOrFail(ask) {
  const count = await hit(ask, 0);
  if (count <= ask.failures) throw new Error(`flaky failure ${count} of ${ask.failures}`);
  return count;
}
