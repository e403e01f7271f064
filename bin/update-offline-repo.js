#!/usr/bin/env node
'use strict';

// CommonJS: Node needs 10 ms less to start it.
void require('./start.js').start('update-offline-repo', require('./load.js').load);
