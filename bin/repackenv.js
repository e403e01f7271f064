#!/usr/bin/env node
'use strict';

// CommonJS: Node needs 10 ms less to start it.
void require('./start.js').start('repackenv', require('./load.js').load);
