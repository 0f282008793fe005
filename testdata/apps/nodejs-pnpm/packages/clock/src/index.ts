import ms from 'ms';

export function since(start: number, now: number): string {
  return ms(now - start, { long: true });
}
