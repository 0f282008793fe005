'use strict';

const { version } = require('ms/package.json');

module.exports = () => `Greetings from a workspace, with ms ${version}`;
