import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text(`Hono on Deno ${Deno.version.deno}\n`));
const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000) }, app.fetch);
Deno.addSignalListener("SIGTERM", () => server.shutdown());
