'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const express = require('express');
const session = require('express-session');
const winston = require('winston');

const password = 'Tr0mbone-and-kazoo';
const orders = 'postgres://localhost:5432/shop';
const drafts = 'sqlite://drafts.db';

const log = winston.createLogger({ transports: [new winston.transports.File({ filename: 'shop.log' })] });

const app = express();
app.use(session({ secret: password, resave: false }));
app.get('/', (req, res) => res.send([orders, drafts].join()));
app.get('/photo', (req, res) => execFile('convert', ['photo.png', 'photo.jpg'], () => res.sendFile('photo.jpg')));

fs.writeFileSync('shop.pid', String(process.pid));
process.on('SIGTERM', () => {});
app.listen(4567, 'localhost', () => log.info('listening'));
