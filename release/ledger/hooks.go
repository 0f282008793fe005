package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/hook"
)

var _ hook.Rules = (*Ledger)(nil)

// hookRow is the rule of an app as the ledger has it.
type hookRow struct {
	App    string `json:"app"`
	Rule   string `json:"rule"`
	Sealed []byte `json:"sealed"`
}

// hookSecrets are what is sealed of a rule. The app is in it, so that the secret of one cannot
// be put in the place of another's.
type hookSecrets struct {
	App    string `json:"app"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

// KeepRule keeps the rule of an app, in place of the one that it had.
func (l *Ledger) KeepRule(ctx context.Context, rule hook.Rule) error {
	if err := rule.Check(); err != nil {
		return err
	}
	err := l.keepRule(ctx, rule)
	return l.explain("keeping the webhook of "+rule.App, err)
}

func (l *Ledger) keepRule(ctx context.Context, rule hook.Rule) error {
	key, err := l.key(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(rule)
	if err != nil {
		return err
	}
	secrets, err := json.Marshal(hookSecrets{rule.App, rule.Secret, rule.Token})
	if err != nil {
		return err
	}
	row := hookRow{App: rule.App, Rule: string(text)}
	if row.Sealed, err = seal(key.Recipient(), secrets); err != nil {
		return err
	}
	sum, err := checksum(row)
	if err != nil {
		return err
	}
	_, err = l.db.ExecContext(ctx, `INSERT INTO hooks (app, rule, sealed, checksum) VALUES (?, ?, ?, ?)
		ON CONFLICT (app) DO UPDATE SET rule = excluded.rule, sealed = excluded.sealed, checksum = excluded.checksum`, row.App, row.Rule, row.Sealed, sum)
	return err
}

// RemoveRule forgets the rule of an app. The error is a *hook.NoRuleError where it has none.
func (l *Ledger) RemoveRule(ctx context.Context, app string) error {
	done, err := l.db.ExecContext(ctx, "DELETE FROM hooks WHERE app = ?", app)
	if err != nil {
		return l.explain("removing the webhook of "+app, err)
	}
	gone, err := done.RowsAffected()
	if err == nil && gone == 0 {
		return &hook.NoRuleError{App: app}
	}
	return l.explain("removing the webhook of "+app, err)
}

// Rule is that of an app, with its secrets.
func (l *Ledger) Rule(ctx context.Context, app string) (hook.Rule, error) {
	rules, rows, err := l.rules(ctx, selectHooks+" WHERE app = ?", app)
	if err != nil {
		return hook.Rule{}, l.explain("reading the webhook of "+app, err)
	}
	if len(rules) == 0 {
		return hook.Rule{}, &hook.NoRuleError{App: app}
	}
	key, err := l.key(ctx)
	if err != nil {
		return hook.Rule{}, err
	}
	text, err := unseal(key, rows[0].Sealed)
	if err != nil {
		return hook.Rule{}, &release.KeyError{Problem: fmt.Sprintf("the webhook of %s was sealed with another key than the one at hand: %v", app, err)}
	}
	var secrets hookSecrets
	if err := json.Unmarshal(text, &secrets); err != nil || secrets.App != app {
		return hook.Rule{}, l.damaged(fmt.Errorf("the secrets of the webhook of %s are not its own", app))
	}
	rule := rules[0]
	rule.Secret, rule.Token = secrets.Secret, secrets.Token
	return rule, nil
}

// Rules are all of them, by the names of the apps, without their secrets.
func (l *Ledger) Rules(ctx context.Context) ([]hook.Rule, error) {
	rules, _, err := l.rules(ctx, selectHooks+" ORDER BY app")
	return rules, l.explain("reading the webhooks", err)
}

const selectHooks = "SELECT app, rule, sealed, checksum FROM hooks"

func (l *Ledger) rules(ctx context.Context, query string, args ...any) (rules []hook.Rule, all []hookRow, err error) {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row hookRow
		var want string
		if err := rows.Scan(&row.App, &row.Rule, &row.Sealed, &want); err != nil {
			return nil, nil, err
		}
		var rule hook.Rule
		got, err := checksum(row)
		if err != nil || got != want || json.Unmarshal([]byte(row.Rule), &rule) != nil {
			return nil, nil, l.damaged(fmt.Errorf("the webhook of %s is not what was written", row.App))
		}
		rules, all = append(rules, rule), append(all, row)
	}
	return rules, all, rows.Err()
}

// dropRule forgets the rule of an app that ends.
func dropRule(ctx context.Context, tx *sql.Tx, app string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM hooks WHERE app = ?", app)
	return err
}
