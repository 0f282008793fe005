'use strict';

const { interval } = require('rxjs');
const { map } = require('rxjs/operators');

const log = require('./log');
const quotes = require('./quotes');

const seconds = Number(process.env.WORKER_SECONDS || 60);
const ticks = interval(seconds * 1000).pipe(map((n) => n + 1));

log.info(`worker: counting ${quotes.all().length} quotes every ${seconds} seconds`);
const counting = ticks.subscribe((n) => log.info(`worker: count ${n} is ${quotes.all().length}`));

process.on('SIGTERM', () => {
  counting.unsubscribe();
  log.info('worker: stopped');
  process.exit(0);
});
