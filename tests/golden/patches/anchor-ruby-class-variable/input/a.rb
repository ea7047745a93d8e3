class A
  @@count = 0
  @@count += 1
end
