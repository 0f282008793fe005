import 'reflect-metadata';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Injectable()
class Greeter {
  greet(): string {
    return `Greetings from Nest on Node.js ${process.version}\n`;
  }
}

@Controller()
class Greetings {
  constructor(private readonly greeter: Greeter) {}

  @Get()
  root(): string {
    return this.greeter.greet();
  }
}

@Module({ controllers: [Greetings], providers: [Greeter] })
class App {}

async function start(): Promise<void> {
  const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  await app.listen(Number(process.env.PORT) || 3000);
}

void start();
