import { existsSync } from "node:fs";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { words } from "@nodejs-monorepo-pnp/words";

function there(name: string): string {
	try {
		require.resolve(name);
		return "there";
	} catch {
		return "not there";
	}
}

const app = new Hono();
app.get("/", (c) =>
	c.text(
		`${words(5000)} of a package beside the app, with Plug'n'Play in ${process.cwd()}.
esbuild is ${there("esbuild")}, is-odd is ${there("is-odd")}, src is ${existsSync("src") ? "there" : "not there"}.\n`,
	),
);
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });
for (const signal of ["SIGTERM", "SIGINT"]) {
	process.on(signal, () => process.exit(0));
}
