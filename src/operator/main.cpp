#include "operator/commands/command.h"

int main(int argc, char** argv) { return quantum::operate::RunProgram(argc, argv); }
