// Package hook is what a push says: in the lines that git hands to a hook, and in the
// signed deliveries of forges. It starts nothing and listens nowhere.
//
// Verify makes a Delivery of what a forge sent, ParseUpdates makes Updates of what git
// says; a Rule decides whether that is a build of its app, and of what (queue.Order).
// Statuses tells a forge how it went.
//
// # What is believed
//
// A delivery is from the forge when its signature is right, which is looked at before
// anything in it is. Only then is its payload read, into the few fields that count. What is
// built is the repository of the rule, never one that a payload names; names of branches and
// messages of commits are data that no shell sees, and what is shown of them has no control
// characters (Plain).
//
// Forges deliver more than once, and who listens may send again what was sent before.
// Delivery.Key is the same for all of these. It is made of what is signed: the id of a
// delivery of GitHub and Gitea is not, so there it is the body; GitLab signs the id and the
// time, which may be five minutes off.
//
// # Sources
//
// githooks(5) and git-receive-pack(1); GitHub Docs, "Webhook events and payloads",
// "Validating webhook deliveries" and "REST API endpoints for commit statuses"; GitLab
// Docs, "Webhooks", "Webhook events" and "Commits API", and Standard Webhooks for its
// signing tokens; Gitea Docs, "Webhooks" and its API, which are Forgejo's too.
package hook
