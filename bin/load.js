'use strict';

const { dirname } = require('node:path');

/** What `npm run build` made. */
exports.load = async (program) => {
  const path = require.resolve('../dist/src/load.cjs');
  return require(path).loadProgram(dirname(path), program, process);
};
