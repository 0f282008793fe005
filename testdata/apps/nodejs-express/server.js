'use strict';

const http = require('node:http');
const path = require('node:path');
const compression = require('compression');
const { format } = require('date-fns');
const express = require('express');
const helmet = require('helmet');
const moment = require('moment');
const morgan = require('morgan');
const { Server } = require('socket.io');
const { v4: uuid } = require('uuid');

const log = require('./log');
const quotes = require('./quotes');

const app = express();
app.set('view engine', 'ejs');
app.set('views', path.join(__dirname, 'views'));
app.use(helmet());
app.use(compression());
app.use(express.json());
app.use(morgan('tiny', { stream: { write: (line) => log.info(line.trim()) } }));

const started = moment();

app.get('/', (req, res) => {
  res.render('index', {
    node: process.version,
    day: format(new Date(), 'yyyy-MM-dd'),
    up: started.fromNow(true),
    quotes: quotes.all(),
  });
});

app.get('/quotes.json', (req, res) => res.json({ id: uuid(), quotes: quotes.all() }));

app.post('/quotes.json', (req, res) => {
  const quote = quotes.parse(req.body);
  if (!quote.success) {
    res.status(422).json({ errors: quote.error.issues });
    return;
  }
  res.status(201).json(quote.data);
});

const server = http.createServer(app);
const io = new Server(server);
io.on('connection', (socket) => socket.emit('quotes', quotes.all()));

const port = Number(process.env.PORT || 3000);
server.listen(port, '0.0.0.0', () => log.info(`listening on port ${port}`));

process.on('SIGTERM', () => {
  log.info('SIGTERM: finishing requests');
  io.close(() => {
    log.info('stopped');
    process.exit(0);
  });
});
