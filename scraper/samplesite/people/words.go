package people

import "math/rand/v2"

// ReferenceYear is the year the ages of the faces are counted back from.
const ReferenceYear = 2026

// faceInfo is one synthetic identity as the faces' manifest describes it.
type faceInfo struct {
	name, sex string
	age       int
	hair      string
}

// file is the name of one of the identity's pictures: view "a", "b" or "c".
func (f faceInfo) file(view string) string { return f.name + view + ".jpg" }

func faceOf(i int) faceInfo {
	if i == Shares {
		return faceTable[SharedWith]
	}
	return faceTable[i%len(faceTable)]
}

// faceTable is what manifest.csv of the faces says of sex, age and hair (there "None"); a test compares.
var faceTable = []faceInfo{
	{"p001", "female", 71, "Bald"},
	{"p002", "female", 32, "Black"},
	{"p003", "female", 66, "White"},
	{"p004", "female", 36, "Black"},
	{"p005", "male", 33, "Brown"},
	{"p006", "female", 51, "Brown"},
	{"p007", "female", 67, "White"},
	{"p008", "female", 71, "Gray"},
	{"p009", "male", 37, "Bald"},
	{"p010", "male", 30, "Red"},
	{"p011", "male", 60, "Black"},
	{"p012", "male", 29, "Bald"},
	{"p013", "female", 73, "White"},
	{"p014", "female", 27, "Brown"},
	{"p015", "female", 65, "White"},
	{"p016", "male", 66, "Brown"},
	{"p017", "female", 31, "Black"},
	{"p018", "male", 48, "Black"},
	{"p019", "male", 33, "Black"},
	{"p020", "female", 50, "Black"},
	{"p021", "female", 74, "Gray"},
	{"p022", "male", 64, "Bald"},
	{"p023", "female", 51, "Black"},
	{"p024", "female", 71, "Gray"},
	{"p025", "male", 25, "Brown"},
	{"p026", "female", 56, "Black"},
	{"p027", "male", 56, "Bald"},
	{"p028", "female", 43, "Black"},
	{"p029", "female", 71, "White"},
	{"p030", "female", 73, "White"},
	{"p031", "male", 35, "Bald"},
	{"p032", "female", 52, "Black"},
	{"p033", "female", 24, "Brown"},
	{"p034", "male", 53, "Gray"},
	{"p035", "male", 56, "Black"},
	{"p036", "female", 21, "Black"},
	{"p037", "female", 68, "White"},
	{"p038", "male", 55, "Brown"},
	{"p039", "male", 70, "Gray"},
	{"p040", "female", 58, "Black"},
}

// surname is plainly invented: the first are words for "not real", the others put together.
func surname(r *rand.Rand, i int) string {
	if i < len(surnames) {
		return surnames[i]
	}
	return surnameStarts[r.IntN(len(surnameStarts))] + surnameEnds[r.IntN(len(surnameEnds))]
}

var (
	surnames = []string{
		"Testcase", "Sampleton", "Mockford", "Notreal", "Examplar", "Dummerton", "Madeup", "Inventá", "Placeholder", "Fictiva",
		"Fakename", "Pretendwell", "Nobodyson", "Imaginer", "Fabricand", "Specimen", "Lorem-Ipsum", "O'Sample", "Blankfield", "Unrealis",
		"Demofield", "Stubbins-Test", "Fixture", "Nonesuch", "Figmenta", "Hypotheti", "Prototyp", "Simulacra", "Artificia", "Chimera",
		"Phantomas", "Mirageau", "Makebelieve", "Storybook", "Concoct", "Synthetica", "Rendering", "Meshhead", "Polygona", "Vertexian",
		"Doppelmock", "Voidphoto", "Grayshape", "Nopicture",
	}
	surnameStarts = []string{
		"Test", "Sample", "Mock", "Fake", "Dummy", "Stub", "Demo", "Fixture", "Blank", "Void", "Null", "Proto", "Pseudo", "Quasi",
		"Neverwas", "Nowhere", "Unreal", "Figment", "Fictio", "Invento", "Imagi", "Chimer", "Phantom", "Mirage", "Simula", "Synthe",
	}
	surnameEnds = []string{
		"ton", "ford", "son", "field", "well", "wick", "ham", "berg", "mann", "ova", "ez", "ini", "sky", "wright", "bury", "worth",
		"case", "stead", "shaw", "croft", "land", "more", "brook", "gate", "ard", "ette",
	}
	maleNames = []string{
		"Robert", "William", "James", "Edward", "Richard", "Charles", "Thomas", "Daniel", "Anthony", "Michael", "Joseph", "Samuel",
		"Benjamin", "Lawrence", "Frederick", "Gerald", "Harold", "Leonard", "Nathaniel", "Theodore", "Vincent", "Walter", "Xavier",
		"Zachary",
	}
	femaleNames = []string{
		"Elizabeth", "Margaret", "Katherine", "Susan", "Patricia", "Deborah", "Jennifer", "Barbara", "Rebecca", "Victoria", "Theresa",
		"Abigail", "Christine", "Dorothy", "Eleanor", "Frances", "Gertrude", "Josephine", "Lillian", "Madeline", "Nancy", "Penelope",
		"Ursula", "Winifred",
	}
	races        = []string{"White", "Black", "Asian", "American Indian", "Unknown"}
	ethnicities  = []string{"Not Hispanic", "Hispanic", "Unknown"}
	eyeColors    = []string{"Brown", "Blue", "Green", "Hazel", "Gray"}
	designations = []string{"", "", "Sexually Violent Offender", "Predicate Sex Offender", "Sexual Predator"}
	statuses     = []string{"Registered", "Incarcerated", "Absconder", "Non-Compliant"}
	markPlaces   = []string{"Left Arm", "Right Arm", "Neck", "Back", "Left Hand", "Right Leg"}
	markKinds    = []string{"Tattoo - Test Pattern", "Scar", "Tattoo - Checkerboard", "Tattoo - Question Mark"}
	makes        = []string{"Samplemobile", "Mockswagen", "Fictauto"}
	models       = []string{"Nullabout", "Placeholder GT", "Testarossi"}
	colors       = []string{"Beige", "Silver", "Blue", "Red"}
	streets      = []string{
		"Nowhere Lane", "Notreal Road", "Example Street", "Placeholder Avenue", "Lorem Drive", "Ipsum Court", "Testcase Boulevard",
		"Mock Terrace", "Imaginary Way", "Fixture Place",
	}
)

// Towns are where the invented people live.
var Towns = []struct {
	Name, County, Code, Zip string
	Lat, Lon                float64
}{
	{"Notown", "Sample", "1", "00001", 42.10, -75.10},
	{"Sampleville", "Sample", "1", "00002", 42.30, -75.30},
	{"Mockbury", "Example", "2", "00003", 42.50, -74.60},
	{"Port Placeholder", "Example", "2", "00004", 42.70, -74.20},
	{"Lorem Falls", "Fixture", "3", "00005", 43.10, -76.00},
	{"Upper Ipsum", "Fixture", "3", "00006", 43.40, -76.40},
}

// Crimes are what they were convicted of.
var Crimes = []struct{ Text, Section, Sub string }{
	{"Sample Offense in the First Degree", "999.01", "01"},
	{"Sample Offense in the Second Degree", "999.02", "02"},
	{"Attempted Sample Offense", "999.03", "01"},
	{"Unlawful Placeholder in the Third Degree", "998.10", "03"},
	{"Possession of a Sample Item", "997.20", "01"},
	{"Failure to Be Real", "996.05", "00"},
}
