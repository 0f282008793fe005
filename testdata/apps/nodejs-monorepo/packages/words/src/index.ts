import ms from "ms";

export function words(milliseconds: number): string {
	return ms(milliseconds, { long: true });
}
