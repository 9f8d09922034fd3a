// `Flow`: a workflow that waits for a promise.
import * as restate from "@restatedev/restate-sdk";

export const flow = restate.workflow({
  name: "Flow",
  handlers: {
    run: async (ctx, value) => `${value}:${await ctx.promise("done")}`,

    finish: async (ctx, value) => {
      await ctx.promise("done").resolve(value);
    },

    // The promise's value, or an empty text while there is none.
    peek: async (ctx) => (await ctx.promise("done").peek()) ?? "",
  },
});
