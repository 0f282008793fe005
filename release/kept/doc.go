// Package kept keeps what a failed build worked in, for a person to look into:
// the directories as the script that failed left them, and the command that it
// was.
//
// Keep moves the build out of its cache, where the next build would clear it
// away, and notes the command beside it. Open reads that note, and Kept.Command
// is another command in the place of the one that failed: a shell.
//
// The directory is its owner's alone, because the variables of the build are in
// it, secrets among them.
package kept
