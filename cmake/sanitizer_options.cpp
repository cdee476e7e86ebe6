// What every program of ours tells the sanitizer it is built with. It is compiled in because units are started without
// the environment of their starter: a service under `quantum` would otherwise report into an output file that goes away
// with its test. The first report ends the process, and `./quantum test` fails on any that lies in the folder.
// ASAN_OPTIONS, UBSAN_OPTIONS and TSAN_OPTIONS win over these.

#define QUANTUM_SANITIZER_OPTIONS "halt_on_error=1:log_path=" QUANTUM_SANITIZER_REPORTS

extern "C" const char* __tsan_default_options() { return QUANTUM_SANITIZER_OPTIONS; }
// Fake stacks would have to be switched together with the fibers', which Asio gives no place for.
extern "C" const char* __asan_default_options() { return QUANTUM_SANITIZER_OPTIONS ":detect_stack_use_after_return=0"; }
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }
