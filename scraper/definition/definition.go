package definition

import (
	"strings"

	"lineup/scraper"
	"lineup/scraper/definition/notation"
)

// Definition is one source.yml.
type Definition struct {
	ID           string            `yaml:"id" doc:"name of the source, also of its folder: us-ny"`
	Name         string            `yaml:"name" doc:"the registry's own name"`
	Jurisdiction string            `yaml:"jurisdiction" doc:"NSOPW's code of the jurisdiction: NY, PR, MN1"`
	Home         string            `yaml:"home" doc:"where a person would look"`
	Mode         scraper.Mode      `yaml:"mode" doc:"enabled, permission_required, link_only or import"`
	Verified     scraper.Verified  `yaml:"verified,omitempty" doc:"what the definition was held against"`
	Like         string            `yaml:"like,omitempty" doc:"id of the source of this program whose steps are taken, with other values"`
	Values       map[string]string `yaml:"values,omitempty" doc:"texts for {names} in requests: {office: \"54438\"}"`
	Version      int               `yaml:"version,omitempty" doc:"raise it when records of the same page change"`
	Base         string            `yaml:"base,omitempty" doc:"URL that all other URLs are relative to"`
	Hosts        []string          `yaml:"hosts,omitempty" doc:"further hosts that pages, photos and files come from; nothing else is asked"`
	Account      bool              `yaml:"account,omitempty" doc:"the operator must have an account: {account.user} and {account.password}"`
	Manners      scraper.Manners   `yaml:"manners,omitempty" doc:"how the site is asked"`
	Guards       scraper.Guards    `yaml:"guards,omitempty" doc:"what must hold before a run is believed"`
	Policy       scraper.Policy    `yaml:"policy" doc:"terms, notices and what may not be stored"`
	Blocked      []string          `yaml:"blocked,omitempty" doc:"texts, beyond the usual ones, that mean the site refuses us"`
	Start        string            `yaml:"start,omitempty" doc:"the step a run begins with"`
	Starts       map[string]Texts  `yaml:"starts,omitempty" doc:"values that the first step is asked with, once for each: {last: [A, B]}"`
	Steps        map[string]Step   `yaml:"steps,omitempty" doc:"how each kind of page is asked for and read"`
}

// Step is one kind of page.
type Step struct {
	Request Ask              `yaml:"request,omitempty" doc:"how the page is asked for"`
	As      string           `yaml:"as" doc:"form of the answer: html, json, arcgis, xml, csv, tsv, fixed, xlsx, xls or zip"`
	Charset string           `yaml:"charset,omitempty" doc:"charset of the answer, when it does not say or says wrong"`
	Unwrap  []string         `yaml:"unwrap,omitempty" doc:"JSON paths whose value is JSON text inside a string"`
	Header  string           `yaml:"header,omitempty" doc:"first cell of a table's header row, below title rows"`
	Columns Texts            `yaml:"columns,omitempty" doc:"names of a table's columns, where it has no header row"`
	Tables  map[string]Table `yaml:"tables,omitempty" doc:"tables of a ZIP or a folder, by the name used here"`
	Marker  string           `yaml:"marker,omitempty" doc:"CSS selector, JSON path, XPath or column that must be on the page"`
	Root    string           `yaml:"root,omitempty" doc:"CSS selector of the part of the page that is read and audited"`
	Ignore  Texts            `yaml:"ignore,omitempty" doc:"CSS selectors, JSON paths, XPaths, columns and labels that are known and not wanted"`
	Empty   Texts            `yaml:"empty,omitempty" doc:"phrase of a page that lists nobody; \"[]\" for a JSON array without items"`
	Total   *Value           `yaml:"total,omitempty" doc:"how many registrants the page says there are"`
	Labels  *Labels          `yaml:"labels,omitempty" doc:"how labels stand beside their values"`
	Take    map[string]Value `yaml:"take,omitempty" doc:"values of the page that later requests need"`
	Items   *Value           `yaml:"items,omitempty" doc:"the repeated part; without it the page is one item"`
	Join    []Value          `yaml:"join,omitempty" doc:"rows of other tables whose columns an item has too; optional where their columns may be missing"`
	Group   Texts            `yaml:"group,omitempty" doc:"columns that agree for rows of one person"`
	Key     *Key             `yaml:"key,omitempty" doc:"the source's own id of an item"`
	Drop    []Drop           `yaml:"drop,omitempty" doc:"items left out"`
	Record  *Record          `yaml:"record,omitempty" doc:"what of an item becomes the record"`
	Same    bool             `yaml:"same,omitempty" doc:"join this page's record to the list's only when name and birth date agree"`
	Carry   map[string]Value `yaml:"carry,omitempty" doc:"values of an item that its own page needs"`
	Detail  string           `yaml:"detail,omitempty" doc:"step of an item's own page"`
	Pages   *Pages           `yaml:"pages,omitempty" doc:"how the next page of a list is asked for"`
	Then    []Then           `yaml:"then,omitempty" doc:"steps that follow this page"`
}

// Table is one file of a ZIP or a folder.
type Table struct {
	File     string `yaml:"file" doc:"pattern of the file name"`
	As       string `yaml:"as" doc:"csv, tsv, fixed, xlsx or xls"`
	Charset  string `yaml:"charset,omitempty" doc:"charset of the file"`
	Header   string `yaml:"header,omitempty" doc:"first cell of the header row, below title rows"`
	Columns  Texts  `yaml:"columns,omitempty" doc:"names of the columns, where there is no header row"`
	Format   string `yaml:"format,omitempty" doc:"pattern of the archive's file that names the columns of a table without a header row: SQL Server's XML format of a bulk copy. Where it is missing, columns tells"`
	Ignore   Texts  `yaml:"ignore,omitempty" doc:"columns that are known and not wanted"`
	Optional bool   `yaml:"optional,omitempty" doc:"the file may be missing: nobody has such rows"`
}

// Ask is a request. Texts may hold {names}: of taken and carried values, of the definition's values, {key}, {page},
// {offset}, and {page.url}, which is where the page came from that asks: a form without an action is posted there.
type Ask struct {
	Method  string            `yaml:"method,omitempty" doc:"GET (default) or POST"`
	URL     string            `yaml:"url,omitempty" doc:"relative to base"`
	Earlier Texts             `yaml:"earlier,omitempty" doc:"URLs the site had before: asked in turn where the newer one is not there"`
	Query   map[string]string `yaml:"query,omitempty" doc:"parameters of the URL"`
	Form    map[string]string `yaml:"form,omitempty" doc:"fields of a posted form"`
	JSON    string            `yaml:"json,omitempty" doc:"body of a posted JSON text"`
	Header  map[string]string `yaml:"header,omitempty" doc:"request header fields"`
	Hidden  string            `yaml:"hidden,omitempty" doc:"CSS selector of the form, on the page before, whose hidden inputs are sent along"`
	Target  string            `yaml:"target,omitempty" doc:"event target of a postback"`
	Told    bool              `yaml:"told,omitempty" doc:"an answer with a failure status tells in JSON what is the matter: empty, or pages.cut"`
}

// Labels says how labels stand beside their values.
type Labels struct {
	Layout string `yaml:"layout" doc:"table, dl, next, row, colon or lines"`
	In     string `yaml:"in,omitempty" doc:"CSS selector of the part that holds the item's own labels"`
	Row    string `yaml:"row,omitempty" doc:"CSS selector of one pair"`
	Label  string `yaml:"label,omitempty" doc:"CSS selector of the label in a pair; in a table, what a cell must hold to be one"`
	Value  string `yaml:"value,omitempty" doc:"CSS selector of the value in a pair; without it the rest of the pair"`
}

// Key says what identifies a registrant in the source.
type Key struct {
	Value `yaml:",inline"`
	Weak  []Value `yaml:"weak,omitempty" doc:"fields whose hash stands in for an id the source lacks"`
}

// Drop is a rule that leaves items out.
type Drop struct {
	Name  string `yaml:"name" doc:"what the rule is called in run summaries"`
	When  Value  `yaml:"when" doc:"the value that decides"`
	Match string `yaml:"match,omitempty" doc:"regular expression, any letter case, that drops the item"`
	Not   string `yaml:"not,omitempty" doc:"regular expression without which the item is dropped"`
}

// Then is a step that follows a page, once or for each of some values.
type Then struct {
	Step string `yaml:"step" doc:"the step to ask for"`
	As   string `yaml:"as,omitempty" doc:"name under which each value is carried"`
	Over *Value `yaml:"over,omitempty" doc:"the values: partitions of the list"`
	List Texts  `yaml:"list,omitempty" doc:"the values, when the definition knows them"`
}

// Pages is how a list goes on.
type Pages struct {
	By      string `yaml:"by" doc:"page, offset, next, postback or prefix"`
	First   int    `yaml:"first,omitempty" doc:"number of the first page (default 1)"`
	Size    int    `yaml:"size,omitempty" doc:"items asked for, as {size}"`
	Next    *Value `yaml:"next,omitempty" doc:"by next: address of the next page"`
	More    *Value `yaml:"more,omitempty" doc:"value that is true while more pages follow"`
	Target  string `yaml:"target,omitempty" doc:"by postback: event target, or name of the page field"`
	Var     string `yaml:"var,omitempty" doc:"by prefix: name of the carried prefix"`
	Cap     int    `yaml:"cap,omitempty" doc:"by prefix: a page of this many items is cut off"`
	Cut     string `yaml:"cut,omitempty" doc:"by prefix: phrase of an answer that gives nothing because it would be too long (request.told)"`
	Step    string `yaml:"step,omitempty" doc:"by prefix: the step that asks more narrowly (default the same)"`
	Letters string `yaml:"letters,omitempty" doc:"by prefix: letters that lengthen it"`
}

// Value says where a text stands in an item and how it is cleaned. As a place of repeats
// ("each", "items", "in") only the keys that find are used.
type Value struct {
	Section  string            `yaml:"section,omitempty" doc:"heading whose part of the page is meant (regular expression)"`
	Heading  string            `yaml:"heading,omitempty" doc:"CSS selector of headings (default h1..h6, legend)"`
	CSS      string            `yaml:"css,omitempty" doc:"CSS selector"`
	Having   string            `yaml:"having,omitempty" doc:"CSS selector of something that must be inside"`
	Nth      int               `yaml:"nth,omitempty" doc:"which of the matches, from 1"`
	Run      bool              `yaml:"run,omitempty" doc:"with css: the match and what follows it, up to the next match"`
	Grid     bool              `yaml:"grid,omitempty" doc:"the match is a table: its rows are meant, its header row names the columns"`
	Cells    int               `yaml:"cells,omitempty" doc:"with grid: only rows of this many cells"`
	Numbered string            `yaml:"numbered,omitempty" doc:"CSS selector with {n}: repeats while it matches, from 1"`
	Parallel map[string]Value  `yaml:"parallel,omitempty" doc:"lists that are split together: row n holds the n-th of each"`
	Rows     bool              `yaml:"rows,omitempty" doc:"the rows that were grouped into this item"`
	Table    string            `yaml:"table,omitempty" doc:"rows of another table"`
	On       map[string]string `yaml:"on,omitempty" doc:"with table: its column, and the column here that it must equal"`
	Where    map[string]string `yaml:"where,omitempty" doc:"with table: its column, and the text it must equal"`
	Latest   string            `yaml:"latest,omitempty" doc:"with table: only the row with the greatest number in this column"`
	Attr     string            `yaml:"attr,omitempty" doc:"attribute instead of the text"`
	Label    Texts             `yaml:"label,omitempty" doc:"label that stands before the value"`
	Column   Texts             `yaml:"column,omitempty" doc:"column; several are joined by a space"`
	Path     string            `yaml:"path,omitempty" doc:"JSON path from the item"`
	XPath    string            `yaml:"xpath,omitempty" doc:"XPath from the item"`
	Carried  string            `yaml:"carried,omitempty" doc:"value that an earlier page handed on"`
	Const    string            `yaml:"const,omitempty" doc:"the same text always"`
	Text     string            `yaml:"text,omitempty" doc:"text with {columns}, {JSON paths} and {carried} values"`
	Optional bool              `yaml:"optional,omitempty" doc:"the column may be missing"`
	Or       *Value            `yaml:"or,omitempty" doc:"the value that is meant where this one says nothing"`

	Query  string            `yaml:"query,omitempty" doc:"parameter of the URL that was found"`
	Params Texts             `yaml:"params,omitempty" doc:"the only parameters of the URL that are kept"`
	Regex  string            `yaml:"regex,omitempty" doc:"regular expression; its first group, or the one named value, is meant; of a birth date, the one named age is the age"`
	Strip  Texts             `yaml:"strip,omitempty" doc:"regular expressions cut out"`
	Split  string            `yaml:"split,omitempty" doc:"what stands between several values; a line break is \\n"`
	None   Texts             `yaml:"none,omitempty" doc:"regular expressions of whole values that mean there is none"`
	Map    map[string]string `yaml:"map,omitempty" doc:"value for each text, any letter case; a text that is not here is reported"`
	Case   string            `yaml:"case,omitempty" doc:"lower or title"`
	Format Texts             `yaml:"format,omitempty" doc:"how a date, height or victim's age is written"`
	Order  string            `yaml:"order,omitempty" doc:"how a name is written: last_comma_first, first_last, capital_last (First Middle LAST) or comma_tells (one of the first two, by whether there is a comma)"`
	Scheme string            `yaml:"scheme,omitempty" doc:"name of a level's scheme"`
}

// Record says which values become which fields of the record.
type Record struct {
	URL         *Value    `yaml:"url,omitempty" doc:"the registrant's own page"`
	Name        *NameRule `yaml:"name,omitempty" doc:"the name"`
	Aliases     []Alias   `yaml:"aliases,omitempty" doc:"other names"`
	Birth       *Value    `yaml:"birth,omitempty" doc:"birth date"`
	Age         *Value    `yaml:"age,omitempty" doc:"age in years"`
	Sex         *Value    `yaml:"sex,omitempty"`
	Race        *Value    `yaml:"race,omitempty"`
	Ethnicity   *Value    `yaml:"ethnicity,omitempty"`
	Height      *Value    `yaml:"height,omitempty" doc:"needs a format"`
	Weight      *Value    `yaml:"weight,omitempty" doc:"pounds"`
	Eyes        *Value    `yaml:"eyes,omitempty"`
	Hair        *Value    `yaml:"hair,omitempty"`
	Marks       *Value    `yaml:"marks,omitempty" doc:"scars, marks, tattoos"`
	Addresses   []Place   `yaml:"addresses,omitempty"`
	Offenses    []Offense `yaml:"offenses,omitempty"`
	Vehicles    []Vehicle `yaml:"vehicles,omitempty" doc:"kept only when the operator asks"`
	Level       *Value    `yaml:"level,omitempty" doc:"needs a scheme"`
	Designation *Value    `yaml:"designation,omitempty"`
	Status      *Value    `yaml:"status,omitempty" doc:"needs a map"`
	Predator    *Value    `yaml:"predator,omitempty"`
	Absconder   *Value    `yaml:"absconder,omitempty"`
	Registered  *Value    `yaml:"registered,omitempty"`
	Updated     *Value    `yaml:"updated,omitempty"`
	Verified    *Value    `yaml:"verified,omitempty"`
	RegistersTo *Value    `yaml:"registers_to,omitempty"`
	Lifetime    *Value    `yaml:"lifetime,omitempty"`
	Photos      []Photo   `yaml:"photos,omitempty"`
	Fields      []Extra   `yaml:"fields,omitempty" doc:"what else is kept, under the source's own name"`
}

// NameRule is a name in one text or in parts.
type NameRule struct {
	Value  `yaml:",inline"`
	First  *Value `yaml:"first,omitempty"`
	Middle *Value `yaml:"middle,omitempty"`
	Last   *Value `yaml:"last,omitempty"`
	Suffix *Value `yaml:"suffix,omitempty"`
}

// Alias is a repeat of other names.
type Alias struct {
	Each  *Value   `yaml:"each,omitempty" doc:"the repeated part"`
	Name  NameRule `yaml:"name"`
	Birth *Value   `yaml:"birth,omitempty"`
	Drop  Texts    `yaml:"drop,omitempty" doc:"regular expressions of aliases that are none"`
	Raw   bool     `yaml:"raw,omitempty" doc:"names run together: keep the text whole"`
}

// Place is an address or a repeat of them.
type Place struct {
	Each    *Value            `yaml:"each,omitempty" doc:"the repeated part"`
	Kind    *Value            `yaml:"kind,omitempty" doc:"home, temporary, transient, work, school, inmate, mailing or other"`
	ID      *Value            `yaml:"id,omitempty" doc:"what the source numbers its addresses by; needs current"`
	Current *Value            `yaml:"current,omitempty" doc:"the id of the address of today, read from the item: it comes first, and the others are earlier ones. Where it says nothing, all are kept as they are"`
	Address *Value            `yaml:"address,omitempty" doc:"the whole address in one text: street lines, then CITY, ST ZIP"`
	Street  *Value            `yaml:"street,omitempty"`
	City    *Value            `yaml:"city,omitempty"`
	County  *Value            `yaml:"county,omitempty"`
	State   *Value            `yaml:"state,omitempty"`
	Zip     *Value            `yaml:"zip,omitempty"`
	Lat     *Value            `yaml:"lat,omitempty"`
	Lon     *Value            `yaml:"lon,omitempty"`
	From    *Value            `yaml:"from,omitempty"`
	To      *Value            `yaml:"to,omitempty"`
	Status  map[string]string `yaml:"status,omitempty" doc:"streets that are really a state of affairs, beyond the usual ones"`
}

// Offense is an offence or a repeat of them.
type Offense struct {
	Each        *Value   `yaml:"each,omitempty" doc:"the repeated part"`
	Description *Value   `yaml:"description,omitempty"`
	Statute     *Value   `yaml:"statute,omitempty"`
	Committed   *Value   `yaml:"committed,omitempty"`
	Convicted   *Value   `yaml:"convicted,omitempty"`
	Released    *Value   `yaml:"released,omitempty"`
	Place       *Value   `yaml:"place,omitempty"`
	Disposition *Value   `yaml:"disposition,omitempty"`
	Sentence    *Value   `yaml:"sentence,omitempty"`
	Counts      *Value   `yaml:"counts,omitempty"`
	Otherwise   bool     `yaml:"otherwise,omitempty" doc:"only where the rules before it found no offence"`
	Victim      *Value   `yaml:"victim,omitempty" doc:"read as minor or adult; nothing else of a victim is kept"`
	Charges     []Charge `yaml:"charges,omitempty"`
}

// Charge is a charge of a conviction, or a repeat of them.
type Charge struct {
	Each        *Value `yaml:"each,omitempty" doc:"the repeated part"`
	Title       *Value `yaml:"title,omitempty"`
	Section     *Value `yaml:"section,omitempty"`
	Subsection  *Value `yaml:"subsection,omitempty"`
	Class       *Value `yaml:"class,omitempty"`
	Category    *Value `yaml:"category,omitempty"`
	Counts      *Value `yaml:"counts,omitempty"`
	Description *Value `yaml:"description,omitempty"`
}

// Vehicle is a vehicle or a repeat of them.
type Vehicle struct {
	Each  *Value `yaml:"each,omitempty" doc:"the repeated part"`
	Make  *Value `yaml:"make,omitempty"`
	Model *Value `yaml:"model,omitempty"`
	Year  *Value `yaml:"year,omitempty"`
	Color *Value `yaml:"color,omitempty"`
}

// Photo is a photo or a repeat of them.
type Photo struct {
	Each     *Value `yaml:"each,omitempty" doc:"the repeated part"`
	URL      Value  `yaml:"url" doc:"its address"`
	Taken    *Value `yaml:"taken,omitempty"`
	View     string `yaml:"view,omitempty" doc:"front, left or right"`
	Optional bool   `yaml:"optional,omitempty" doc:"not every registrant has one under this address"`
	If       *Value `yaml:"if,omitempty" doc:"value that must be true for there to be a photo"`
	Has      *Value `yaml:"has,omitempty" doc:"value that must be there for this rule to hold"`
	Else     bool   `yaml:"otherwise,omitempty" doc:"only where the rules before it found no photo"`
	Reject   Texts  `yaml:"reject,omitempty" doc:"regular expressions of addresses that are no photo"`
}

// Extra is a value beyond the common ones.
type Extra struct {
	Name  string `yaml:"name"`
	Value `yaml:",inline"`
}

// Texts is one text or a list of them.
type Texts []string

// UnmarshalYAML reads a text or a list of texts.
func (t *Texts) UnmarshalYAML(decode func(any) error) error {
	var one string
	if err := decode(&one); err == nil {
		*t = Texts{one}
		return nil
	}
	var many []string
	if err := decode(&many); err != nil {
		return err
	}
	*t = many
	return nil
}

// Whole is the value that holds the whole name, nil when the name comes in parts.
func (n *NameRule) Whole() *Value {
	if n.First == nil && n.Last == nil || n.Value.Called() != "value" {
		return &n.Value
	}
	return nil
}

// Called is what v is called in reports.
func (v *Value) Called() string {
	switch {
	case len(v.Label) > 0:
		return v.Label[0]
	case len(v.Column) > 0:
		return strings.Join(v.Column, "+")
	}
	for _, name := range []string{v.Path, v.XPath, v.CSS, v.Text, v.Section, v.Carried} {
		if name != "" {
			return name
		}
	}
	if v.Attr != "" {
		return v.Attr
	}
	return "value"
}

// Lookup finds text in v.Map.
func (v *Value) Lookup(text string) (string, bool) {
	for from, to := range v.Map {
		if notation.Fold(from) == notation.Fold(text) {
			return to, true
		}
	}
	return "", false
}
