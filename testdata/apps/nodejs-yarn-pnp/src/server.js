import { existsSync } from 'node:fs';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { words } from './words.js';

const app = new Hono();
app.get('/', (c) => c.text(words(existsSync('node_modules'), process.versions.pnp)));
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT) || 3000 });
process.on('SIGTERM', () => server.close(() => process.exit(0)));
