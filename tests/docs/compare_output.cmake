# Runs PROGRAM and fails unless it prints what the file EXPECTED holds.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE found
  RESULT_VARIABLE status)
file(READ ${EXPECTED} wanted)
string(STRIP "${found}" found)
string(STRIP "${wanted}" wanted)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${status}")
endif()
if(NOT found STREQUAL wanted)
  message(FATAL_ERROR "the page says\n${wanted}\nand the program prints\n${found}")
endif()
