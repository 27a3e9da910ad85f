package namekey

import (
	"slices"
	"strings"
	"sync"
)

// nicknames are common English (and some Spanish) short forms by the name they stand for.
// Compiled for this project from general knowledge; a short form may stand for several names.
var nicknames = map[string]string{
	"abigail": "abby abbie gail", "abraham": "abe abram bram", "adam": "ad addy", "adrian": "ade", "albert": "al bert bertie albie",
	"alberto": "beto al", "alejandro": "alex ale jandro", "alexander": "alex al xander sandy alec lex sasha zander",
	"alexandra": "alex sandra lexi sandy alexa",
	"alfred":    "al fred alf alfie freddy", "alice": "ali allie", "allan": "al", "alan": "al", "allen": "al", "alphonse": "al",
	"alonzo": "lonnie lon al",
	"alvin":  "al vin", "amanda": "mandy manda", "amelia": "amy mel millie", "andrea": "andi drea andy", "andrew": "andy drew dru",
	"angela": "angie ang", "angelina": "angie lina",
	"anita": "nita", "ann": "annie nan", "anna": "annie ana", "anne": "annie nan nancy", "annette": "annie nettie", "anthony": "tony ant toni",
	"antonio": "tony toni tono", "antoinette": "toni nettie",
	"archibald": "archie arch", "armando": "mando", "arnold": "arnie", "arthur": "art artie", "augustus": "gus augie",
	"augustine": "gus augie",
	"barbara":   "barb barbie babs bobbie", "barnabas": "barney", "barry": "baz", "bartholomew": "bart", "beatrice": "bea trixie",
	"benedict": "ben", "benjamin": "ben benny benji benjy", "bernard": "bernie barney",
	"bernadette": "bernie", "bertram": "bert", "bradford": "brad", "bradley": "brad", "brandon": "bran", "brenda": "bren", "brian": "bri",
	"bryan": "bry", "bridget": "bridie biddy",
	"calvin": "cal", "cameron": "cam", "carl": "carlie", "carlos": "charlie", "carol": "carrie caz", "caroline": "carrie caro lina carol",
	"carolyn": "carrie lyn", "casimir": "cass", "cassandra": "cassie cass sandra",
	"catherine": "cathy kate katie kathy cate cat kitty cass", "cecilia": "cissy celia", "charles": "charlie chuck chas chaz charley",
	"charlotte": "lottie char charlie", "chester": "chet", "christian": "chris kit",
	"christina": "chris tina chrissy christy", "christine": "chris tina chrissy christy", "christopher": "chris kit topher cris",
	"clarence": "clare", "clayton": "clay", "clifford": "cliff", "clifton": "cliff", "clinton": "clint",
	"constance": "connie", "cornelius": "neil corny con", "courtney": "court", "curtis": "curt", "cynthia": "cindy cyn", "cyrus": "cy",
	"daniel": "dan danny", "danielle": "dani", "darrell": "darry", "david": "dave davey davie", "deborah": "deb debbie debby debra",
	"debra": "deb debbie", "delbert": "del bert", "denise": "denny", "dennis": "den denny",
	"derek": "rick", "dexter": "dex", "diana": "di", "diane": "di", "dominic": "dom nick nicky", "donald": "don donnie donny",
	"dorothy": "dot dottie dolly", "douglas": "doug dougie", "dwight": "ike",
	"edgar": "ed eddie", "eduardo": "ed eddie lalo", "edith": "edie", "edmund": "ed eddie ned ted", "edward": "ed eddie ned ted teddy eddy",
	"edwin": "ed eddie win", "eleanor": "ellie nell nora ella", "elaine": "lainie", "eli": "lee",
	"elijah": "eli lige", "elizabeth": "liz beth betty lizzy eliza betsy bess lisa libby elise lizzie bette", "ellen": "nell ellie",
	"elmer": "elm", "elvira": "vera", "emanuel": "manny", "emily": "em emmy millie", "enrique": "rick quique",
	"ernest": "ernie", "ernesto": "ernie neto", "estelle": "stella", "esther": "essie", "ethan": "eth", "eugene": "gene", "evelyn": "evie eve",
	"ezekiel": "zeke", "ezra": "ez",
	"felicia": "fel", "fernando": "nando", "florence": "flo", "frances": "fran frannie francie", "francis": "frank fran frankie",
	"francisco": "frank paco pancho cisco", "franklin": "frank frankie", "frederick": "fred freddy freddie rick fritz",
	"gabriel": "gabe", "gabriella": "gabby", "gabrielle": "gabby", "garrett": "gary", "gary": "gaz", "genevieve": "gen",
	"geoffrey": "geoff jeff", "george": "georgie", "gerald": "gerry jerry", "geraldine": "gerry jerry", "gerard": "gerry jerry",
	"gertrude": "gert trudy", "gilbert": "gil bert", "gloria": "glo", "gordon": "gord gordy", "grace": "gracie", "graham": "gray",
	"gregory": "greg gregg", "gretchen": "greta", "guadalupe": "lupe", "guillermo": "memo", "gustavo": "gus",
	"gwendolyn": "gwen wendy", "hannah": "anna", "harold": "hal harry", "harrison": "harry", "harriet": "hattie", "harvey": "harv",
	"hector": "heck", "helen": "nell ellie", "henry": "hank harry hal", "herbert": "herb bert", "herman": "herm", "hershel": "hersh",
	"homer": "home", "howard": "howie", "hubert": "bert hugh", "hugh": "hughie", "ignacio": "nacho", "irene": "rena", "irving": "irv",
	"isaac": "ike zac", "isabel": "izzy bella belle", "isabella": "izzy bella", "isaiah": "zay", "isidore": "izzy", "israel": "izzy",
	"jackson": "jack", "jacob": "jake jay jakob", "jacqueline": "jackie jacqui", "james": "jim jimmy jamie jem jimmie", "jane": "janie",
	"janet": "jan", "janice": "jan", "jasmine": "jas", "jason": "jay jase", "javier": "javi", "jean": "jeannie", "jeannette": "jean nettie",
	"jedediah": "jed", "jefferson": "jeff", "jeffery": "jeff", "jeffrey": "jeff", "jennifer": "jen jenny jenn", "jeremiah": "jerry jeremy",
	"jeremy": "jerry jem", "jerome": "jerry", "jesse": "jess", "jessica": "jess jessie", "jesus": "chuy", "jill": "jilly", "joan": "joanie",
	"joanna": "jo", "joanne": "jo", "joel": "joe", "john": "jack johnny jon jackie johnnie", "jonathan": "jon john jonny nathan jonathon",
	"jordan": "jordy", "jose": "pepe joe", "joseph": "joe joey jody jos", "josephine": "jo josie", "joshua": "josh", "joyce": "joy",
	"juan":   "johnny",
	"judith": "judy", "julia": "jules julie", "julian": "jules", "julie": "jules", "julius": "jules", "justin": "jus", "karen": "kari",
	"katherine": "kathy kate katie kat kitty kathie katy kay", "kathleen": "kathy kate katie kay", "kathryn": "kathy kate katie kat",
	"keith": "kei",
	"kelly": "kel", "kenneth": "ken kenny kenney", "kevin": "kev", "kimberly": "kim kimmy", "kristen": "kris kristy",
	"kristina": "kris tina kristy", "kristopher": "kris", "lancelot": "lance", "laura": "laurie lori", "lauren": "laurie",
	"laurence": "larry laurie lon", "lawrence": "larry lon laurie law", "leah": "lee",
	"leland": "lee", "leo": "lee", "leon": "lee leo", "leonard": "len lenny leo", "leonardo": "leo", "leroy": "roy lee", "leslie": "les",
	"lester": "les", "levi": "lev", "lewis": "lew louie", "lillian": "lil lily", "lincoln": "linc", "linda": "lindy lin", "lionel": "leo",
	"lloyd": "loy", "lois": "lo",
	"lorenzo": "larry", "lorraine": "lori lorrie", "louis": "lou louie", "louise": "lou", "lucas": "luke", "lucille": "lucy",
	"lucinda": "lucy cindy", "luther": "lou", "luis": "lou", "lydia": "liddy", "lyndon": "lyn", "mackenzie": "mac", "madeline": "maddie",
	"magdalena": "lena maggie", "malcolm": "mal",
	"manuel": "manny manolo", "marcus": "mark marc", "margaret": "maggie meg peg peggy marge margie greta rita madge", "maria": "mary mia",
	"marianne": "mary", "marilyn": "mary", "marion": "mary", "marjorie": "marge margie", "mario": "mars", "mark": "marc", "marlene": "marly",
	"marshall": "marsh", "martha": "marty", "martin": "marty mart",
	"marvin": "marv", "mary": "molly polly mae may", "mathew": "matt matty", "matilda": "tilly mattie", "matthew": "matt matty mat",
	"maurice": "moe maury", "maureen": "mo", "maxine": "max", "maximilian": "max", "maxwell": "max", "megan": "meg", "melanie": "mel",
	"melinda": "mindy linda", "melissa": "missy mel lissa", "melvin": "mel", "mercedes": "mercy",
	"meredith": "merry", "michael": "mike mick mickey micky mikey mitch", "michelle": "shelly chelle mickey", "miguel": "mike",
	"mildred": "millie", "milton": "milt", "miriam": "mim", "mitchell": "mitch", "mohammed": "mo", "monica": "moni", "montgomery": "monty",
	"morris": "morrie moe", "mortimer": "mort", "moses": "moe mose", "myron": "ron",
	"nancy": "nan", "natalie": "nat", "natasha": "tasha", "nathan": "nate nat", "nathaniel": "nate nat nathan", "neal": "neil",
	"nelson": "nels", "nicholas": "nick nicky nico nic klaus", "nicole": "nicky nikki", "noah": "no", "norbert": "norb bert", "norman": "norm",
	"octavius": "tavy", "oliver": "ollie", "olivia": "liv livvy", "orville": "orv", "oscar": "ozzie", "oswald": "ozzie oz", "otis": "ote",
	"pamela": "pam", "patricia": "pat patty trish tricia patti", "patrick": "pat paddy rick", "paul": "paulie", "paula": "polly",
	"pauline": "polly", "pedro": "pete", "penelope": "penny", "percival": "percy", "perry": "per", "peter": "pete petey", "philip": "phil pip",
	"phillip": "phil pip", "phyllis": "phyl", "priscilla": "cilla prissy", "rachel": "rach rae", "rafael": "rafe rafa",
	"ralph": "ralphie", "ramon": "ray", "randall": "randy", "randolph": "randy dolph", "raphael": "rafe", "raul": "ray", "raymond": "ray",
	"rebecca": "becky becca beck", "reginald": "reg reggie", "regina": "gina", "rene": "ren", "reuben": "rube ben", "rhonda": "ron",
	"ricardo": "rick ricky rico", "richard": "rick dick rich ricky richie rickey ritchie dickie", "roberta": "bobbie robbie",
	"robert": "bob bobby rob robbie bert robby bobbie rab", "roberto": "bob beto", "roderick": "rod rick", "rodney": "rod", "rodolfo": "rudy",
	"rodrigo": "rod", "roger": "rog rodge", "roland": "rollie", "ronald": "ron ronnie ronny", "rosalind": "roz rose",
	"rosemary": "rose rosie mary", "rose": "rosie", "roxanne": "roxy", "rudolph": "rudy dolph", "russell": "russ rusty", "ruth": "ruthie",
	"salvador": "sal chava", "salvatore": "sal", "samantha": "sam sammy", "samson": "sam", "samuel": "sam sammy", "sandra": "sandy",
	"santiago": "santi", "sarah": "sadie sally", "scott": "scotty", "sean": "shawn", "sebastian": "seb bastian", "sergio": "serge",
	"seymour": "sy", "shannon": "shan", "sharon": "shari", "shelby": "shel", "sheldon": "shel", "shirley": "shirl", "sidney": "sid",
	"silas":     "si",
	"silvester": "sly", "simon": "si", "solomon": "sol", "sophia": "sophie", "stanley": "stan", "stephanie": "steph stevie",
	"stephen": "steve stevie steph", "steven": "steve stevie", "stewart": "stu", "stuart": "stu", "susan": "sue susie suzy",
	"susanna": "sue susie", "suzanne": "sue suzy", "sylvester": "sly", "sylvia": "syl", "tabitha": "tabby", "tamara": "tammy", "tanya": "tan",
	"taylor":  "tay",
	"terence": "terry", "teresa": "terry tess tessa", "terrance": "terry", "terrence": "terry", "thaddeus": "thad tad",
	"theodore": "ted teddy theo", "theresa": "terry tess tessa", "thomas": "tom tommy thom", "tiffany": "tiff", "timothy": "tim timmy",
	"tobias": "toby", "todd": "toddy", "tracy": "trace", "travis": "trav", "trevor": "trev", "tyler": "ty", "tyrone": "ty", "ulysses": "lys",
	"ursula":    "ursa",
	"valentine": "val", "valerie": "val", "vanessa": "nessa", "vernon": "vern", "veronica": "ronnie vera", "vicente": "vince chente",
	"victor": "vic", "victoria": "vicky tori vicki", "vincent": "vin vince vinny", "viola": "vi", "violet": "vi", "virgil": "virg",
	"virginia": "ginny ginger", "vivian": "viv", "wallace": "wally", "walter": "walt wally", "warren": "ren", "wayne": "way", "wendell": "wen",
	"wesley": "wes", "wilbert": "will bert", "wilbur": "will", "wilfred": "will fred wilf", "wilhelmina": "mina", "willard": "will",
	"william": "bill billy will willie liam willy", "wilson": "will", "winifred": "winnie fred", "winston": "win winnie", "woodrow": "woody",
	"yolanda": "yoli", "yvonne": "vonnie", "zachariah": "zach zack", "zachary": "zach zack zak", "zebulon": "zeb",
}

// roots gives the names a short form stands for, built once from nicknames.
var roots = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for root, shorts := range nicknames {
		for _, short := range strings.Fields(shorts) {
			m[short] = append(m[short], root)
		}
	}
	for _, names := range m {
		slices.Sort(names)
	}
	return m
})

// Roots are the names that a folded first name may stand for, itself among them: "bob" gives
// "bob" and "robert", "jon" gives "john", "jon" and "jonathan". Two first names may be the same person's when they
// share one. Sorted.
func Roots(first string) []string {
	all := append([]string{first}, roots()[first]...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Nicknames are the other names that somebody called first may go by: the short forms of it,
// and of what it may be short for, and those names themselves. Folded and sorted; empty, never nil.
func Nicknames(first string) []string {
	first = Fold(first)
	all := []string{}
	for _, root := range Roots(first) {
		all = append(all, root)
		all = append(all, strings.Fields(nicknames[root])...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(s string) bool { return s == first || s == "" })
}
