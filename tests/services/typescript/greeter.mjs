// `Greeter`: the smallest service.
import * as restate from "@restatedev/restate-sdk";

export const greeter = restate.service({
  name: "Greeter",
  handlers: {
    greet: async (ctx, name) => `Hello ${name}`,

    headers: async (ctx) => {
      const { headers, attemptHeaders } = ctx.request();
      return { request: Object.fromEntries(headers), attempt: Object.fromEntries(attemptHeaders) };
    },
  },
});
