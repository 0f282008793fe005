const fastify = require('fastify')();
const { greeting } = require('@nodejs-yarn4/words');

fastify.get('/', async () => ({ framework: `Fastify ${fastify.version}`, says: greeting('Yarn 4') }));
fastify.listen({ port: Number(process.env.PORT) || 3000, host: '0.0.0.0' });
process.on('SIGTERM', () => fastify.close().then(() => process.exit(0)));
