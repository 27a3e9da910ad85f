package queue

import "slices"

// Class is the kind of a job's failure. It is stored with dead letters and is a label of metrics, so a
// class keeps its name; dead letters of other versions may have classes that are not listed here.
type Class string

// The classes of failed jobs.
const (
	CorruptBlob     Class = "corrupt_blob"
	MissingBlob     Class = "missing_blob"
	NewerSchema     Class = "newer_schema"
	UnknownModel    Class = "unknown_model"
	UnknownFeatures Class = "unknown_features"
	NoGeneration    Class = "no_generation"
	Moved           Class = "moved"
	Engine          Class = "engine"
	WorkerDied      Class = "worker_died"
)

// kinds say of each class what the queue and the operator do about it.
func kinds() map[Class]kind {
	return map[Class]kind{
		CorruptBlob: {true, "stored bytes were damaged and are set aside: crawl the source again, which stores them anew, or put the " +
			"object back from a backup and run lineup jobs retry"},
		MissingBlob:     {true, "a stored object is gone: put it back from a backup, or crawl the source again; then lineup jobs retry"},
		NewerSchema:     {true, "a newer version of lineup wrote this: upgrade the indexers, then lineup jobs retry"},
		UnknownModel:    {false, "a generation's model is not one this version computes: upgrade the indexers, then lineup jobs retry"},
		UnknownFeatures: {false, "a newer version of lineup made the generation: upgrade the indexers, then lineup jobs retry"},
		NoGeneration:    {false, "the index had no generation (older versions gave up then): see lineup doctor, then lineup jobs retry"},
		Moved:           {false, "the registrant changed at each attempt: lineup jobs retry"},
		Engine: {false, "an engine failed at each attempt: the indexers' log says which, lineup doctor what to do; then lineup jobs " +
			"retry"},
		WorkerDied: {false, "the indexer died at each attempt: its log, or the kernel's, says why; then lineup jobs retry"},
	}
}

type kind struct {
	permanent bool // to try again is useless
	advice    string
}

// Classes are all classes, in order.
func Classes() []Class {
	var all []Class
	for c := range kinds() {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

// Permanent reports whether a job that failed so is dead at once.
func (c Class) Permanent() bool { return kinds()[c].permanent }

// Advice says what a dead job of this class wants of the operator, "" for a class of another version.
func (c Class) Advice() string {
	if c == "worker died each time" { // as older versions wrote it
		c = WorkerDied
	}
	return kinds()[c].advice
}
