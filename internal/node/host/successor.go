package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// successorMark is set in the environment of a process that replaces another. Such a process inherits these files.
const successorMark = "_LINEUP_SUCCESSOR=1"

const (
	listenerFile = iota + 3 // the socket of the API
	loadedFile              // written to once everything that needs no data is loaded
	goneFile                // closed when the old process has ended
)

// loadTime bounds how long a successor may load.
const loadTime = 5 * time.Minute

// Successor is a process that has loaded its models and waits until this one has ended.
type Successor struct {
	PID  int
	gone *os.File
}

// Close lets the successor continue. It is the last thing that the old process does.
func (s *Successor) Close() error { return s.gone.Close() }

// Succeed starts the program again from the file on disk, passes the socket to it, and waits until it has loaded its
// models. If it returns an error, nothing has changed.
func Succeed(ctx context.Context, listener net.Listener) (s *Successor, err error) {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.New("this process answers no searches: restart it")
	}
	program, err := exec.LookPath(os.Args[0]) // not the running file: an upgrade may have replaced it
	if err != nil {
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find the program: %w", err)
		}
	}
	loaded, tells, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a successor: %w", err)
	}
	defer loaded.Close()
	sees, gone, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a successor: %w", err), tells.Close())
	}
	process, err := startSuccessor(program, tcp, tells, sees)
	if err = errors.Join(err, tells.Close(), sees.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("start a successor: %w", err), gone.Close())
	}
	if err = loaded.SetReadDeadline(time.Now().Add(loadTime)); err == nil {
		stop := context.AfterFunc(ctx, func() { loaded.Close() })
		defer stop()
		_, err = io.ReadFull(loaded, make([]byte, 1))
	}
	if err != nil {
		_ = process.Kill() // it may have ended
		_, ended := process.Wait()
		return nil, errors.Join(fmt.Errorf("the successor did not load (what it wrote says why): %w", err), ended, gone.Close())
	}
	return &Successor{process.Pid, gone}, nil
}

// startSuccessor starts the program with this process's arguments and the files of a successor. The socket is passed
// as a raw descriptor: os.File would switch it to blocking mode, in this process too.
func startSuccessor(program string, socket *net.TCPListener, tells, sees *os.File) (process *os.Process, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer nothing.Close()
	environment := append(slices.DeleteFunc(os.Environ(), func(setting string) bool { // that describe this process
		return strings.HasPrefix(setting, "LISTEN_") || strings.HasPrefix(setting, "WATCHDOG_PID=") || setting == successorMark
	}), successorMark)
	var pid int
	var failed error
	err = raw.Control(func(fd uintptr) {
		pid, failed = syscall.ForkExec(program, os.Args, &syscall.ProcAttr{Env: environment,
			Files: []uintptr{nothing.Fd(), 1, 2, fd, tells.Fd(), sees.Fd()}})
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// IsSuccessor reports whether this process replaces another.
func IsSuccessor() bool { return slices.Contains(os.Environ(), successorMark) }

// Succession tells the old process that everything is loaded, and waits until it has ended.
func Succession(ctx context.Context) error {
	loaded, gone := os.NewFile(loadedFile, "loaded"), os.NewFile(goneFile, "gone")
	_, err := loaded.Write([]byte{1})
	if err = errors.Join(err, loaded.Close()); err != nil {
		return fmt.Errorf("tell the process before: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { gone.Close() })
	defer stop()
	if _, err := gone.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && ctx.Err() == nil {
		return fmt.Errorf("wait for the process before to end: %w", err)
	}
	return errors.Join(ctx.Err(), gone.Close())
}

// inherited returns the socket that the old process passed on.
func inherited() (net.Listener, error) {
	file := os.NewFile(listenerFile, "listener")
	listener, err := net.FileListener(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("take over the socket of the process before: %w", err)
	}
	return listener, nil
}
