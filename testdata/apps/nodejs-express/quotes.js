'use strict';

const _ = require('lodash');
const { z } = require('zod');

const Quote = z.object({ author: z.string().min(1), text: z.string().min(1) });

const quotes = [
  { author: 'Heraclitus', text: 'No man ever steps in the same river twice.' },
  { author: 'Seneca', text: 'It is not that we have a short time to live, but that we waste a lot of it.' },
].map((quote) => Quote.parse(quote));

module.exports = {
  all: () => _.sortBy(quotes, 'author'),
  parse: (body) => Quote.safeParse(body),
};
