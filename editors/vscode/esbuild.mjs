// Makes what the package holds: the extension and what it depends on bundled into one file, since
// VS Code starts that fastest, and the licence of the project.

import { copyFileSync } from 'node:fs';
import { build } from 'esbuild';

copyFileSync('../../LICENSE', 'LICENSE');
await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  minify: true,
});
