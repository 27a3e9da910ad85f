package scrapertest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// Source reads the sample site's New York pages: enough of a record to see what changed. What
// Info says can be set.
type Source struct {
	Base  string
	Is    scraper.Info
	Quiet bool // reads no offenses, as after an unnoticed change of the page
}

// NewSource reads the site at base without delay.
func NewSource(base string) *Source {
	host := strings.TrimPrefix(base, "http://")
	return &Source{Base: base, Is: scraper.Info{Hosts: []string{host}, Local: host, ID: "us-sample", Name: "Sample", Jurisdiction: "NY",
		Home: base, Mode: scraper.Enabled,
		Version: 1,
		Manners: scraper.Manners{Manners: fetch.Manners{Concurrency: 4}}, Guards: scraper.Guards{HasPhotos: true}}}
}

// Info is what was set.
func (s *Source) Info() scraper.Info { return s.Is }

// Start asks county by county, so that people with addresses in two are listed twice.
func (s *Source) Start() ([]scraper.Request, error) {
	var out []scraper.Request
	for _, county := range []string{"1", "2", "3"} {
		out = append(out, scraper.Request{Rule: "list", URL: s.Base + "/SomsSUBDirectory/search_index.jsp?offenderSubmit=true&County=" + county})
	}
	return out, nil
}

// Parse reads a list or a detail page. Errors: scraper.ErrLayout.
func (s *Source) Parse(page scraper.Page) (scraper.Parsed, error) {
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(page.Body))
	if err != nil {
		return scraper.Parsed{}, err
	}
	base, err := url.Parse(s.Base + "/")
	if err != nil {
		return scraper.Parsed{}, err
	}
	if page.Request.Rule == "list" {
		return s.list(doc, base)
	}
	return s.detail(doc, base, page)
}

func (s *Source) list(doc *goquery.Document, base *url.URL) (scraper.Parsed, error) {
	var out scraper.Parsed
	doc.Find("a[href*='offenderDetails.jsp']").Each(func(_ int, a *goquery.Selection) {
		u, err := base.Parse(a.AttrOr("href", ""))
		if err != nil {
			return
		}
		key := u.Query().Get("offenderid")
		out.Listed = append(out.Listed, key)
		out.Next = append(out.Next, scraper.Request{Rule: "detail", URL: u.String(), Registrant: key})
	})
	if len(out.Next) == 0 && !strings.Contains(doc.Text(), "There are no offenders") {
		return out, fmt.Errorf("list without links: %w", scraper.ErrLayout)
	}
	if _, err := fmt.Sscanf(strings.TrimSpace(doc.Find("#mainContent > p").First().Text()), "%d offenders found", &out.Total); err != nil {
		out.Total = 0
	}
	return out, nil
}

func (s *Source) detail(doc *goquery.Document, base *url.URL, page scraper.Page) (scraper.Parsed, error) {
	labels := map[string]string{}
	doc.Find("ul.somsTopTable.label-value li").Each(func(_ int, li *goquery.Selection) {
		label := strings.Trim(li.Find("span.label").Text(), " :")
		labels[label] = strings.Trim(li.Find("span.value").Text(), "\u00a0 ")
	})
	if labels["Offender Id"] == "" {
		return scraper.Parsed{}, fmt.Errorf("detail without an id: %w", scraper.ErrLayout)
	}
	rec := schemas.Record{Source: s.Is.ID, Key: labels["Offender Id"], Jurisdiction: "NY", URL: page.URL,
		Name:  schemas.Name{First: labels["First Name"], Middle: labels["Middle Name"], Last: labels["Last Name"]},
		Birth: usDate(labels["DOB"]), Level: schemas.Level{Scheme: "NY", Value: labels["Risk Level"]}}
	doc.Find("ul.address.label-value").Each(func(_ int, ul *goquery.Selection) {
		rec.Addresses = append(rec.Addresses, schemas.Address{Kind: schemas.AddressHome,
			Raw: strings.Trim(ul.Find("span.value").Last().Text(), "\u00a0 ")})
	})
	doc.Find("ul.conviction").Each(func(_ int, ul *goquery.Selection) {
		rec.Offenses = append(rec.Offenses, schemas.Offense{Description: strings.Trim(ul.Find("li:nth-child(5) span.value").Text(), "\u00a0 ")})
	})
	if s.Quiet {
		rec.Offenses = nil
	}
	var photos []scraper.Request
	doc.Find("div.photo img").Each(func(i int, img *goquery.Selection) {
		u, err := base.Parse(img.AttrOr("src", ""))
		if err != nil {
			return
		}
		photo := schemas.Photo{URL: u.String()}
		if i == 0 {
			photo.Taken = usDate(labels["Photo Date"])
		}
		rec.Photos = append(rec.Photos, photo)
		photos = append(photos, scraper.Request{Rule: "photo", URL: u.String()})
	})
	return scraper.Parsed{Drafts: []scraper.Draft{{Record: rec, Photos: photos, Evidence: page.Body}}}, nil
}

func usDate(text string) schemas.Date {
	t, err := time.Parse("01/02/2006", text)
	if err != nil {
		return schemas.Date{}
	}
	return schemas.DateOf(t)
}
