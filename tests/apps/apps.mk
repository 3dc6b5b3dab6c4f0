# The apps that tests and measurements need; apps/apps.mk, which includes this, says what the calls mean.

$(foreach f,$(patsubst %/main.c,%,$(wildcard tests/apps/*/main.c)),$(eval $(call app-elf,$(notdir $(f)),$(f),pic)))

#                  name                    ELF           argument
$(eval $(call app,hog,hog))
$(eval $(call app,hostile,hostile,1 10000))
$(eval $(call app,steady,steady,100000,--write-id 23))
$(eval $(call app,witness,witness,,--write-id 24))
$(eval $(call app,lends,lends))
$(eval $(call app,bench,bench))
$(eval $(call app,bench-worst,bench,1200))
$(eval $(call app,bench-service,bench-service))
$(eval $(call app,bench-spin,bench-spin))
$(eval $(call app,bench-spin2,bench-spin))
$(eval $(call app,exits-terminate,exits,after 200 terminate 3))
$(eval $(call app,exits-restart,exits,after 200 restart 3))
$(eval $(call app,exits-return,exits,after 200 return 3))
$(eval $(call app,jitter,jitter))
$(eval $(call app,abi,abi))
GREEDY := brk restart subscribe discover find list stats alarm write random load store record measure pin button
$(foreach g,$(GREEDY),$(eval $(call app,greedy-$(g),greedy,$(g),--write-id 26)))
$(eval $(call app,costs,costs,,--write-id 27))
$(foreach n,1 2 3 4 5 6 7 8 9 10 11 12 13 14,$(eval $(call app,touch-$(n),touch)))
$(eval $(call app,flood,flood,,--write-id 25))
$(eval $(call app,flood-edges,flood,edges))
$(eval $(call app,lateness,lateness,200 50))
$(eval $(call app,lateness-long,lateness,40 60000))
$(eval $(call app,ticks,ticks,40000))
# Eight processes beside each other: in all 10,000 alarms of up to two minutes, and 1,000 of up to 70 seconds.
$(foreach n,1 2 3 4 5 6 7 8,$(eval $(call app,alarms-$(n),alarms,$(n) 1250 120000)))
$(foreach n,1 2 3 4 5 6 7 8,$(eval $(call app,alarms-short-$(n),alarms,1$(n) 125 70000)))
BAD_STACKS := kernel peripheral flash system nowhere edge fpedge
$(foreach w,$(BAD_STACKS),$(eval $(call app,badstack-$(w),badstack,$(w) call)))
$(foreach w,$(BAD_STACKS),$(eval $(call app,badstack-$(w)-spin,badstack,$(w) spin)))

$(foreach h,wait for spin call,$(eval $(call app,borrowed-$(h),borrowed,$(h))))
$(foreach h,wait for spin call,$(eval $(call app,lender-$(h),borrowed,lend borrowed-$(h))))

# `misbehave` is built once for each way of its.
MISBEHAVIOURS := read-kernel write-kernel write-kernel-heap write-interpreter read-peripheral write-system \
    read-last-ram forge forge-kernel loop hog recurse recurse-in-c big-int close-stdin machine-code allow flood
$(foreach way,$(MISBEHAVIOURS),$(eval $(call python-app,misbehave-$(way),tests/apps/misbehave.py)))

$(foreach source,$(filter-out %/misbehave.py,$(wildcard tests/apps/*.py)),\
    $(eval $(call python-app,$(call python-name,$(source))-py,$(source))))
