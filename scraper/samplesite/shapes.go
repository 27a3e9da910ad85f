package samplesite

import (
	"maps"
	"slices"
)

// Shapes says where the site serves the shape of which source. The shape of import-nsopw is files:
// Export writes them.
var Shapes = map[string]string{
	"us-ny":         nyBase + "search_index.jsp",
	"us-ga":         "/SORT_PUBLIC/sor.csv",
	"us-or":         "/sorpublicapi/api/offenders.csv",
	"us-fl":         "/offender/publicDataFile.jsf",
	"us-mo":         "/MSHPWeb/PatrolDivisions/CRID/SOR/msor.zip",
	"us-nc":         "/stats.aspx",
	"us-tx":         "/PublicSite/Account/Login",
	"us-tn":         "/api/search/0/100",
	"us-ia":         "/api/search/results.json",
	"us-dc":         "/dcgis/rest/services/FEEDS/MPD/MapServer/20/query",
	"us-mt":         "/lnWnvGNQtyvDCFPs/arcgis/rest/services/Montana_SVOR_Web/FeatureServer/0/query",
	"us-mo-map":     "/arcgis/rest/services/NSOR/MapServer/7/query",
	"us-ca":         "/Search.aspx",
	"us-id":         "/sor_id/SOR",
	"us-ne":         "/Registry/Search",
	"us-sd":         "/Offenders/Search",
	"us-mn-doc":     "/PublicRegistrantSearch/Results/GetSearchResults",
	"us-nd":         "/offender/name-search",
	"us-gu":         "/homes/sor_directory/page:1",
	"us-mi":         "/Home/RegistrySearchAjax",
	"us-va":         "/Search/Results",
	"us-wi":         "/api/name-search",
	"us-ut":         "/results.php",
	"us-il-chicago": "/resource/vc9r-bqvy.csv",
	"us-tn-map":     "/arcgis/rest/services/TBI_SEX_OFFENDER_REGISTRY/MapServer/0/query",
}

// ShapeIDs are the sources of Shapes, in order.
func ShapeIDs() []string { return slices.Sorted(maps.Keys(Shapes)) }
