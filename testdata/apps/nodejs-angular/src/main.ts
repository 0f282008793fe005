import { Component, VERSION } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';

@Component({
  selector: 'app-clock',
  template: `<p>Angular {{ version }} at {{ path }}</p>`,
})
class Clock {
  readonly version = VERSION.full;
  readonly path = location.pathname;
}

bootstrapApplication(Clock).catch((error: unknown) => console.error(error));
