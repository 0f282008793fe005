const express = require('express');
const { since } = require('@nodejs-pnpm/clock');
const { version } = require('express/package.json');

const app = express();
app.get('/', (req, res) => res.type('text').send(`Express ${version}, ${since(0, 5000)} of a workspace's clock, installed with pnpm\n`));
const server = app.listen(process.env.PORT || 3000);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
