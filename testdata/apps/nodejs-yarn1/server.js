import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Koa from 'koa';

const version = createRequire(import.meta.url)('koa/package.json').version;
const app = new Koa();

app.use(async (ctx) => {
  if (ctx.path === '/client.js') {
    ctx.type = 'application/javascript';
    ctx.body = createReadStream(new URL('./public/client.js', import.meta.url));
    return;
  }
  const size = readFileSync(new URL('./public/client.js', import.meta.url)).length;
  ctx.body = `Koa ${version} on Node.js ${process.version}, with a script of ${size} bytes made by Yarn 1\n`;
});

const server = app.listen(process.env.PORT || 3000);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
