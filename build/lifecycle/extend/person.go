package extend

import (
	"errors"
	"fmt"
	"math"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// someone is a user of the image, with all groups.
type someone struct {
	uid, gid uint32
	groups   []uint32
	home     string
}

// owner is who owns a file.
type owner struct{ uid, gid int }

func (s someone) owner() owner { return owner{int(s.uid), int(s.gid)} }

// credential is what commands of the user have.
func (s someone) credential() *syscall.Credential {
	return &syscall.Credential{Uid: s.uid, Gid: s.gid, Groups: s.groups}
}

// person finds a user by what the config of an image says: NAME or UID, with :NAME or
// :GID behind it, or nothing for root. An id need not be known.
func person(text string) (someone, error) {
	name, group, both := strings.Cut(text, ":")
	if name == "" {
		name = "0"
	}
	known, err := lookUp(name)
	someone := someone{home: "/"}
	if err != nil {
		return someone, err
	}
	if known != nil {
		someone.home = known.HomeDir
		for _, id := range []struct {
			text string
			to   *uint32
		}{{known.Uid, &someone.uid}, {known.Gid, &someone.gid}} {
			if *id.to, err = number(id.text); err != nil {
				return someone, fmt.Errorf("the user %s: %w", name, err)
			}
		}
	} else if someone.uid, err = number(name); err != nil {
		return someone, fmt.Errorf("there is no user %s in /etc/passwd; expected one that is there, or a number", name)
	}
	if both && group != "" {
		someone.gid, err = groupID(group)
		return someone, err
	}
	if known == nil {
		return someone, nil
	}
	ids, err := known.GroupIds()
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return someone, fmt.Errorf("the groups of the user %s: %w", name, err)
	}
	for _, id := range ids {
		gid, err := number(id)
		if err != nil {
			return someone, err
		}
		someone.groups = append(someone.groups, gid)
	}
	return someone, nil
}

// lookUp finds a user by name or id; nil for none.
func lookUp(name string) (*user.User, error) {
	ways := []func(string) (*user.User, error){user.Lookup}
	if _, err := number(name); err == nil {
		ways = append(ways, user.LookupId)
	}
	for _, by := range ways {
		known, err := by(name)
		if err == nil {
			return known, nil
		}
		_, noName := errors.AsType[user.UnknownUserError](err)
		_, noID := errors.AsType[user.UnknownUserIdError](err)
		if !noName && !noID && !errors.Is(err, syscall.ENOENT) {
			return nil, fmt.Errorf("the user %s: %w", name, err)
		}
	}
	return nil, nil
}

func groupID(name string) (uint32, error) {
	if known, err := user.LookupGroup(name); err == nil {
		return number(known.Gid)
	}
	gid, err := number(name)
	if err != nil {
		return 0, fmt.Errorf("there is no group %s in /etc/group; expected one that is there, or a number", name)
	}
	return gid, nil
}

func number(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id > math.MaxInt32 {
		return 0, fmt.Errorf("%q is no id", text)
	}
	return uint32(id), nil
}

// ownerOf is whom --chown names: USER[:GROUP], of which a user without a group has the
// group of the same number.
func ownerOf(text string) (owner, error) {
	if text == "" {
		return owner{}, nil
	}
	who, err := person(text)
	if err != nil {
		return owner{}, err
	}
	if !strings.Contains(text, ":") {
		who.gid = who.uid
	}
	return who.owner(), nil
}
