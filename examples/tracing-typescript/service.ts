// A shop whose spans hang below the attempts of Everspan. See README.md.
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { sendRest } from "./telemetry.ts";
import { trace } from "@opentelemetry/api";
import * as restate from "@restatedev/restate-sdk";
import { openTelemetryHook } from "@restatedev/restate-sdk-opentelemetry";

const tracer = trace.getTracer("shop");

// The hook opens a span for each attempt, below the server's own one, and a span for each run that is really executed.
const tracing = openTelemetryHook({
  tracer,
  // The hook names the run only; with the invocation's id its spans are found by it, too.
  additionalRunAttributes: ({ request }) => ({ "restate.invocation.id": request.id }),
});

const stock = restate.object({
  name: "Stock",
  handlers: {
    take: async (ctx: restate.ObjectContext, count: number) => {
      const taken = ((await ctx.get<number>("taken")) ?? 0) + count;
      ctx.set("taken", taken);
      return taken;
    },
  },
  options: { hooks: [tracing] },
});

const shop = restate.service({
  name: "Shop",
  handlers: {
    order: async (ctx: restate.Context, item: string) => {
      // A span of your own: its parent is the attempt that runs now.
      await inSpan("check the basket", async () => trace.getActiveSpan()?.setAttribute("shop.item", item));
      const price = await ctx.run("look up the price", () => lookUp(item));
      await ctx.objectClient<typeof stock>({ name: "Stock" }, item).take(1);
      await ctx.run("charge the card", () => charge(ctx.request().id));
      return `${item} for ${price}`;
    },
  },
  options: { hooks: [tracing] },
});

function lookUp(item: string): Promise<number> {
  // Within a run, the run's span is the parent.
  return inSpan("read the price list", async () => {
    await sleep(30);
    return item.length * 7;
  });
}

const refused = new Set<string>();

/** The bank refuses the first try of every order, so that there is a retry to look at. */
async function charge(invocation: string) {
  await sleep(60);
  if (!refused.has(invocation)) {
    refused.add(invocation);
    throw new Error("the bank does not answer");
  }
  refused.delete(invocation);
}

function inSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

const port = Number(process.env.PORT ?? 9080);
const server = http2.createServer(restate.createEndpointHandler({ services: [shop, stock] }));
server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => sendRest().finally(() => process.exit(0)));
}
