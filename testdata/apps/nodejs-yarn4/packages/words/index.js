const ms = require('ms');

exports.greeting = (name) => `${name} greets from a workspace, ${ms(120000, { long: true })} after`;
