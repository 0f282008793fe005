import { Hono } from 'hono';

const app = new Hono();
app.get('/', (c) => c.text(`Hono on Bun ${Bun.version}\n`));

const server = Bun.serve({ port: Number(process.env.PORT) || 3000, fetch: app.fetch });
process.on('SIGTERM', () => server.stop().then(() => process.exit(0)));
