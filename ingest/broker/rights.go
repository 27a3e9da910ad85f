package broker

import (
	"fmt"
	"slices"
	"strings"
)

// Role is a user of a NATS cluster, with an account of its own.
type Role string

// The roles. An admin prepares, backs up, restores and removes: it may do everything in the account
// that holds the stores.
const (
	Admin  Role = "admin"
	Scrape Role = "scrape"
	Index  Role = "index"
	Query  Role = "query"
)

// Roles are all roles.
func Roles() []Role { return []Role{Admin, Scrape, Index, Query} }

// Right is something a role may do with a store.
type Right string

// The rights. None lets a role make a consumer: who makes one chooses the subject that messages are
// delivered to, and by that writes where it has no right to.
const (
	Look  Right = "look"  // how many entries there are, and their keys
	Get   Right = "get"   // read single entries, from the leader
	Sweep Right = "sweep" // read many entries at once
	Put   Right = "put"   // write entries
	Take  Right = "take"  // receive jobs and end them
	Purge Right = "purge" // delete what was answered, or mended
)

// Rights are what the roles but the admin may do with a store.
func (s Store) Rights() map[Role][]Right {
	switch s.Name {
	case Listings:
		return map[Role][]Right{Scrape: {Look, Get, Sweep, Put}, Index: {Look, Get, Sweep, Put}, Query: {Look, Get}}
	case Runs:
		return map[Role][]Right{Scrape: {Look, Get, Put}, Index: {Look}, Query: {Look, Get}}
	case Leases:
		return map[Role][]Right{Scrape: {Look, Get, Put}, Index: {Look}, Query: {Look}}
	case Sweeps:
		return map[Role][]Right{Scrape: {Look}, Index: {Look, Get, Put}, Query: {Look}}
	case Swept:
		return map[Role][]Right{Scrape: {Look, Get}, Index: {Look, Get, Put}, Query: {Look}}
	case Notices:
		return map[Role][]Right{Scrape: {Look, Get, Put}}
	case Jobs:
		return map[Role][]Right{Scrape: {Look, Put}, Index: {Look, Put, Take, Purge}, Query: {Look}}
	case Dead:
		return map[Role][]Right{Scrape: {Look}, Index: {Look, Get, Put, Purge}, Query: {Look}}
	case Changes:
		return map[Role][]Right{Scrape: {Look, Put}, Index: {Look, Put}, Query: {Look, Sweep}}
	case Keys:
		return map[Role][]Right{Scrape: {Look}, Index: {Look}, Query: {Look, Get}}
	case Watches:
		return map[Role][]Right{Scrape: {Look}, Index: {Look}, Query: {Look, Get, Sweep, Put}}
	case Hooks: // the role that crawls tells; whom or what a watch is on it need not know
		return map[Role][]Right{Scrape: {Look, Get, Sweep, Put}, Index: {Look}, Query: {Look, Get, Put}}
	case Usage:
		return map[Role][]Right{Scrape: {Look}, Index: {Look}, Query: {Look, Get, Put}}
	case Evidence:
		return map[Role][]Right{Query: {Look, Get, Put}}
	case Signing:
		return map[Role][]Right{Query: {Look, Get}}
	}
	return nil
}

// local is what an imported subject is called in the account of a role.
func local(subject string) string {
	if rest, ok := strings.CutPrefix(subject, "$JS.API."); ok {
		return apiPrefix + "." + rest
	}
	return subject
}

// service is a subject that a role's account imports from the account of the stores.
type service struct {
	subject string
	many    bool // a request is answered by several messages
}

func (s Store) services(r Right) []service {
	stream := s.Stream()
	switch r {
	case Look:
		return []service{{"$JS.API.STREAM.INFO." + stream, false}}
	case Get:
		return []service{{"$JS.API.STREAM.MSG.GET." + stream, false}}
	case Sweep:
		return []service{{"$JS.API.DIRECT.GET." + stream, true}}
	case Put:
		return []service{{s.Subject() + ">", false}}
	case Take:
		consumer := stream + "." + Consumer
		return []service{{"$JS.API.CONSUMER.INFO." + consumer, false}, {"$JS.API.CONSUMER.MSG.NEXT." + consumer, true},
			{"$JS.ACK." + consumer + ".>", false}}
	case Purge:
		return []service{{"$JS.API.STREAM.PURGE." + stream, false}}
	}
	return nil
}

// Imports are the subjects that the account of a role imports: all it can reach.
func Imports(role Role) (subjects []string) {
	for _, s := range Stores() {
		for _, right := range s.Rights()[role] {
			for _, service := range s.services(right) {
				subjects = append(subjects, service.subject)
			}
		}
	}
	return subjects
}

// Accounts is the part of the servers' configuration that says who may do what. deploy/nats/lineup.conf
// ends in it.
func Accounts() string {
	var b strings.Builder
	b.WriteString("accounts {\n  LINEUP: {\n    jetstream: enabled\n    users: [\n")
	fmt.Fprintf(&b, "      {user: %s, password: $%s_PASSWORD, permissions: {subscribe: [\"_INBOX.%[1]s.>\"]}}\n    ]\n    exports: [\n",
		Admin, strings.ToUpper(string(Admin)))
	for _, s := range Stores() {
		exported := map[service][]string{}
		var order []service
		for _, role := range Roles() {
			for _, right := range s.Rights()[role] {
				for _, service := range s.services(right) {
					if exported[service] == nil {
						order = append(order, service)
					}
					exported[service] = append(exported[service], strings.ToUpper(string(role)))
				}
			}
		}
		slices.SortFunc(order, func(a, b service) int { return strings.Compare(a.subject, b.subject) })
		for _, service := range order {
			answers := ""
			if service.many {
				answers = ", response_type: stream"
			}
			fmt.Fprintf(&b, "      {service: %q, accounts: [%s]%s}\n", service.subject, strings.Join(exported[service], ", "), answers)
		}
	}
	b.WriteString("    ]\n  }\n")
	for _, role := range Roles() {
		if role == Admin {
			continue
		}
		upper := strings.ToUpper(string(role))
		imports := Imports(role)
		fmt.Fprintf(&b, "  %s: {\n    users: [{user: %s, password: $%[1]s_PASSWORD, permissions: {subscribe: [\"_INBOX.%[2]s.>\"], publish: [\n",
			upper, role)
		for _, subject := range imports {
			fmt.Fprintf(&b, "      %q\n", local(subject))
		}
		b.WriteString("    ]}}]\n    imports: [\n")
		for _, subject := range imports {
			fmt.Fprintf(&b, "      {service: {account: LINEUP, subject: %q},\n       to: %q}\n", subject, local(subject))
		}
		b.WriteString("    ]\n  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}
