// The contract of tests/services/CONTRACT.md, with the TypeScript SDK.
// PORT says where to listen (on 127.0.0.1); the line `ready` on stdout says that it does.
import http2 from "node:http2";
import * as restate from "@restatedev/restate-sdk";
import { counter } from "./counter.mjs";
import { flow } from "./flow.mjs";
import { greeter } from "./greeter.mjs";
import { stories } from "./stories.mjs";

const handler = restate.createEndpointHandler({
  services: [greeter, counter, stories, flow],
  logger: () => {},
});
const server = http2.createServer(handler);
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
