package evaluate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFiles writes report.json, report.txt and the plots, as svg or png, to the folder dir.
func (r Report) WriteFiles(dir, format string) error {
	if _, err := r.Plots(dir, format); err != nil {
		return err
	}
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(figures, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	table, err := os.Create(filepath.Join(dir, "report.txt"))
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := r.Write(table); err != nil {
		table.Close()
		return fmt.Errorf("write the report: %w", err)
	}
	return table.Close()
}
