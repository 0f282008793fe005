import http from 'node:http';
import ms from 'ms';

const started: number = Date.now();

const server = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(`Built from TypeScript, up for ${ms(Date.now() - started)} on Node.js ${process.version}\n`);
});

server.listen(Number(process.env.PORT || 3000), '0.0.0.0', () => console.log('listening'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
