// Puts simulations to iam-simulate: node ask.mjs FOLDER < list of simulations; the folder has it installed.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.argv[2]}/`);
const { runSimulation } = require('@cloud-copilot/iam-simulate');
const answers = [];
for (const simulation of JSON.parse(readFileSync(0, 'utf-8'))) {
  const told = await runSimulation(simulation, {});
  answers.push(told.errors ? { errors: told.errors } : { result: told.overallResult ?? told.analysis?.result });
}
console.log(JSON.stringify(answers));
