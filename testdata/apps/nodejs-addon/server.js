'use strict';

const fs = require('node:fs');
const http = require('node:http');
const { flockSync } = require('fs-ext');

const server = http.createServer((req, res) => {
  const file = fs.openSync(__filename, 'r');
  flockSync(file, 'sh');
  flockSync(file, 'un');
  fs.closeSync(file);
  res.setHeader('Content-Type', 'text/plain');
  res.end(`Locked and unlocked a file with native code on Node.js ${process.version}\n`);
});

server.listen(Number(process.env.PORT || 3000), '0.0.0.0', () => console.log(`listening on port ${server.address().port}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
