const server = Bun.serve({
  port: Number(process.env.PORT) || 3000,
  routes: { "/": () => new Response(`Bun ${Bun.version} without Node.js\n`) },
});
process.on("SIGTERM", () => server.stop().then(() => process.exit(0)));
