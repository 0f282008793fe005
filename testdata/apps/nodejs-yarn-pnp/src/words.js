export const words = (modules, pnp) =>
  `Hono ${modules ? 'with' : 'without'} node_modules, by Plug'n'Play ${pnp}\n`;
