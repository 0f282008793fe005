'use strict';

const http = require('node:http');
const greeting = require('greeting');
const { version } = require('ms/package.json');

const server = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end(`${greeting()} and, at the root, ms ${version}\n`);
});

server.listen(Number(process.env.PORT || 3000), '0.0.0.0', () => console.log('listening'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
