// What the tests see of the kernel from outside: Renode's virtual time, which no counter of the chip has a part in.
//
// Renode compiles this file at run time (`include`), so it uses nothing newer than C# 7.

using System;
using System.Collections.Generic;
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;

namespace Antmicro.Renode.Peripherals.Nordic
{
    // Renode's monitor reaches only what is on the bus; there is nothing to read there.
    public abstract class Witness : IDoubleWordPeripheral, IKnownSize
    {
        public abstract void Reset();

        public uint ReadDoubleWord(long offset)
        {
            return 0;
        }

        public void WriteDoubleWord(long offset, uint value)
        {
        }

        public long Size => 4;
    }

    // Judges alarms. It notes each command to the alarm driver where the kernel takes it in, and each upcall where the
    // kernel queues it, with the virtual time, and says which were early, late, or came unasked.
    //
    // A command falls somewhere into a tick of the counter, and so does what is due a number of ticks later. So an
    // upcall is early if it comes more than a tick before its time, and its lateness may be a tick too much.
    public class AlarmWitness : Witness
    {
        public AlarmWitness(IMachine machine, CortexM cpu, NRF52840_RealTimeCounter clock)
        {
            this.machine = machine;
            this.cpu = cpu;
            this.clock = clock;
        }

        // The addresses of capsule_command and process_schedule_upcall, and the alarm's number among the drivers.
        public void Watch(ulong command, ulong upcall, uint driver)
        {
            alarm = driver;
            cpu.AddHook(command & ~1UL, (_, __) => Command());
            cpu.AddHook(upcall & ~1UL, (_, __) => Upcall());
        }

        public override void Reset()
        {
            due.Clear();
            begun = false;
            Set = Came = Early = Unasked = 0;
            WorstMicroseconds = 0;
        }

        public uint Set { get; private set; }
        public uint Came { get; private set; }
        public uint Early { get; private set; }
        public uint Unasked { get; private set; }
        public double WorstMicroseconds { get; private set; }

        // How many alarms are a second overdue.
        public uint Lost
        {
            get
            {
                var now = Now;
                var lost = 0u;
                foreach(var one in due.Values)
                {
                    lost += one + 1000000 < now ? 1u : 0;
                }
                return lost;
            }
        }

        // By how many microseconds the counter differs from the virtual time since the first command; less than a tick.
        public double Drift
        {
            get
            {
                var drift = (Now - begin) / Tick - (clock.Counter - (double)first);
                return (drift - Math.Round(drift / Round) * Round) * Tick;
            }
        }

        // Rounds of the counter since the first command.
        public double Rounds => (Now - begin) / Tick / Round;

        private void Command()
        {
            uint process = cpu.R[1], frame = cpu.R[2];
            var bus = machine.SystemBus;
            if(bus.ReadDoubleWord(frame) != AlarmDriver)
            {
                return;
            }
            var now = Now;
            if(!begun)
            {
                begun = true;
                begin = now;
                first = clock.Counter;
            }
            double argument = bus.ReadDoubleWord(frame + 8), dt = bus.ReadDoubleWord(frame + 12);
            switch(bus.ReadDoubleWord(frame + 4))
            {
                case 3: // stop
                    due.Remove(process);
                    break;
                case 5: // set, from now
                    Set++;
                    due[process] = now + argument / 256 * Tick;
                    break;
                case 6: // set, from a reference, which is in the past
                    Set++;
                    var ago = (clock.Counter - argument / 256 + 2 * Round) % Round;
                    due[process] = now + Math.Max(0, dt / 256 - ago) * Tick;
                    break;
            }
        }

        private void Upcall()
        {
            uint process = cpu.R[0];
            if(cpu.R[1] != alarm)
            {
                return;
            }
            Came++;
            double at;
            if(!due.TryGetValue(process, out at))
            {
                Unasked++;
                return;
            }
            due.Remove(process);
            var late = Now - at;
            if(late < -Tick)
            {
                Early++;
            }
            WorstMicroseconds = Math.Max(WorstMicroseconds, late);
        }

        private double Now
        {
            get
            {
                cpu.SyncTime();
                return machine.ElapsedVirtualTime.TimeElapsed.TotalMicroseconds;
            }
        }

        private readonly IMachine machine;
        private readonly CortexM cpu;
        private readonly NRF52840_RealTimeCounter clock;
        private readonly Dictionary<uint, double> due = new Dictionary<uint, double>();
        private uint alarm;
        private bool begun;
        private double begin;
        private uint first;

        private const uint AlarmDriver = 0;
        private const double Tick = 1e6 / 32768;
        private const double Round = 1 << 24;
    }

    // Counts how long the processor is awake, and what wakes it.
    public class SleepWitness : Witness
    {
        public SleepWitness(IMachine machine, CortexM cpu)
        {
            this.machine = machine;
            this.cpu = cpu;
            cpu.AddHookAtWfiStateChange(sleeps =>
            {
                Sleeps += sleeps ? 1u : 0;
            });
            cpu.AddHookAtInterruptBegin(number =>
            {
                Exceptions++;
            });
        }

        public override void Reset()
        {
        }

        // From now on.
        public void Begin()
        {
            Sleeps = Exceptions = 0;
            instructions = cpu.ExecutedInstructions;
            begin = machine.ElapsedVirtualTime.TimeElapsed.TotalSeconds;
        }

        public uint Sleeps { get; private set; }
        public uint Exceptions { get; private set; }
        public ulong Instructions => cpu.ExecutedInstructions - instructions;
        public double Seconds => machine.ElapsedVirtualTime.TimeElapsed.TotalSeconds - begin;
        public double PercentAsleep => 100 - 100 * Instructions / (Seconds * cpu.PerformanceInMips * 1e6);

        private readonly IMachine machine;
        private readonly CortexM cpu;
        private ulong instructions;
        private double begin;
    }
}
