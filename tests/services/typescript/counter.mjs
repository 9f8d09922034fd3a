// `Counter`: a virtual object with one number per key.
import * as restate from "@restatedev/restate-sdk";
import { hit } from "./world.mjs";

export const counter = restate.object({
  name: "Counter",
  handlers: {
    add: async (ctx, n) => {
      const sum = ((await ctx.get("count")) ?? 0) + n;
      ctx.set("count", sum);
      return sum;
    },

    get: restate.handlers.object.shared(async (ctx) => (await ctx.get("count")) ?? 0),

    // Sets `a` and `b`, lists the keys, clears `a`.
    tour: async (ctx) => {
      ctx.set("a", 1);
      ctx.set("b", "two");
      const keys = (await ctx.stateKeys()).sort();
      ctx.clear("a");
      return keys;
    },

    keys: restate.handlers.object.shared(async (ctx) => (await ctx.stateKeys()).sort()),

    wipe: async (ctx) => {
      ctx.clearAll();
    },

    // Holds the object's lock for `ms`, after telling the world that it has it.
    hold: async (ctx, ask) => {
      await ctx.run("held", () => hit(ask, 0));
      await ctx.sleep(ask.ms);
      return "held";
    },
  },
});
